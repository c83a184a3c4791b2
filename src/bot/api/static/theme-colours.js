// Colours for the canvases, read from the style sheet, so that charts follow the theme.

/** The colours in force now. */
export function colours() {
  const style = getComputedStyle(document.documentElement);
  const read = (name) => style.getPropertyValue(`--${name}`).trim();
  return Object.fromEntries(["text", "muted", "line", "panel", "accent", "up", "down", "warn"].map((n) => [n, read(n)]));
}

/** A colour with less of it: `faint("#31c48d", 0.2)`. */
export function faint(colour, share) {
  return colour + Math.round(share * 255).toString(16).padStart(2, "0");
}

/** Call `repaint` whenever the theme changes. */
export const onTheme = (repaint) => addEventListener("themechange", repaint);

"use strict";
// What every picture of the page needs: its data, its colours, and numbers as people read them.

const dark = matchMedia("(prefers-color-scheme: dark)");
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const onTheme = (paint) => dark.addEventListener("change", paint);
const element = (id) => document.getElementById(id);
const told = (id) => JSON.parse(element(id).textContent);

function faint(hex, share) {
  return hex + Math.round(share * 255).toString(16).padStart(2, "0");
}

function amount(value, digits = 2, signed = false) {
  const sign = value < 0 ? "\u2212" : signed && value > 0 ? "+" : "";
  return sign + Math.abs(value).toLocaleString("en-GB", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

const percent = (value, digits = 2) => `${amount(value * 100, digits)} %`;

/** A price or quantity with the digits that it has, up to `most`. */
function plain(value, most = 8) {
  return value.toLocaleString("en-GB", { maximumFractionDigits: most });
}

const moment = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 16).replace("T", " ");

/** The decimals that tell ticks this far apart from one another. */
const digitsFor = (step) => Math.max(0, Math.min(8, -Math.floor(Math.log10(step || 1))));

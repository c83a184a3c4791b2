// Asks before something is changed.

import { byId, setClass, setText } from "./dom.js";

/** Show the question; resolves to true when the person agrees. */
export function confirmed({ title, text, yes, danger }) {
  const dialog = byId("confirm");
  setText(byId("confirm-title"), title);
  setText(byId("confirm-text"), text);
  setText(byId("confirm-yes"), yes);
  setClass(byId("confirm-yes"), `button primary${danger ? " danger" : ""}`);
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

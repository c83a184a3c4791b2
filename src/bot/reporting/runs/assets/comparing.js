"use strict";
// Curves of several runs over one another, each as 100 at its begin; a press on a name hides its line.

const compared = told("compared");
const over = new Curves(compared.time, compared.lines.map((line, at) => ({ ...line, colour: `line${at % 8}`, isShown: true })), 100, "equity-note");
document.querySelectorAll(".line").forEach((button, at) => button.addEventListener("click", () => {
  const isOn = button.getAttribute("aria-pressed") !== "true";
  button.setAttribute("aria-pressed", isOn);
  over.show(at, isOn);
}));

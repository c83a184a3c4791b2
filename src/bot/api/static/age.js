// Every figure says how old it is. Ages tick once a second and turn amber when they are too old.

import { span } from "./format.js";

const ticking = new Map();

/** Show in `node` how long ago `atMs` (this browser's clock) was; null means never. */
export function showAge(node, atMs, { staleAfterS = 30, prefix = "", never = "no data yet" } = {}) {
  ticking.set(node, { atMs, staleAfterS, prefix, never });
  paint(node, ticking.get(node), Date.now());
}

function paint(node, { atMs, staleAfterS, prefix, never }, now) {
  const age = atMs === null ? null : (now - atMs) / 1000;
  const text = age === null ? never : `${prefix}${span(age)} ago`;
  if (node.textContent !== text) node.textContent = text;
  node.classList.toggle("stale", age !== null && age > staleAfterS);
}

setInterval(() => {
  const now = Date.now();
  for (const [node, age] of ticking) {
    if (node.isConnected) paint(node, age, now);
    else ticking.delete(node);
  }
}, 1000);

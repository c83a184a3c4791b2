// Small parts that both pages show: badges, states, times, sparklines, tables' rows.

import { el, svg } from "./dom.js";
import { moment, utc } from "./format.js";

const MODES = { paper: "no real money", rehearsal: "orders go to a test exchange", live: "real money" };
const STATES = {
  running: "trading",
  waiting: "enabled, but no fresh figures: is the runner at work?",
  stopped: "keeps its exits, takes no new risk",
  disabled: "switched off",
};

/** PAPER, REHEARSAL or LIVE. */
export const modeBadge = (mode) => el("span", { class: `badge mode ${mode}`, title: MODES[mode] }, mode);

/** running, waiting, stopped or disabled. */
export const statePill = (state, reason = "") => el("span", { class: `pill ${state}`, title: reason || STATES[state] }, state);

/** A plain badge. */
export const badge = (text, title = "") => el("span", { class: "badge plain", title }, text);

/** A time in the person's zone, with UTC on hover. */
export const timeCell = (ms) => el("time", { datetime: new Date(ms).toISOString(), title: utc(ms) }, moment(ms));

/** A line of the last values, green when it ends above its start. */
export function sparkline(values) {
  const [width, height] = [104, 28];
  if (values.length < 2) {
    const flat = svg("line", { x1: 0, x2: width, y1: height / 2, y2: height / 2 });
    return svg("svg", { class: "sparkline none", viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" }, flat);
  }
  const low = Math.min(...values);
  const range = Math.max(...values) - low;
  const points = values.map((value, at) => {
    const y = range ? height - 2 - ((value - low) / range) * (height - 4) : height / 2;
    return `${((at / (values.length - 1)) * width).toFixed(1)},${y.toFixed(1)}`;
  });
  const trend = values.at(-1) >= values[0] ? "up" : "down";
  return svg(
    "svg",
    { class: `sparkline ${trend}`, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `equity goes ${trend}` },
    svg("polygon", { points: `0,${height} ${points.join(" ")} ${width},${height}` }),
    svg("polyline", { points: points.join(" ") }),
  );
}

/** A tile of the key figures; `update` changes it in place. */
export function tile(name, title = "") {
  const value = el("span", { class: "tile-value" });
  const note = el("span", { class: "tile-note" });
  const node = el("div", { class: "tile", title }, el("span", { class: "tile-name" }, name), value, note);
  return { node, value, note };
}

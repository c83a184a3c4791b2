// Builds elements. All text goes in as text nodes: a hostile name stays a name.

const SVG = "http://www.w3.org/2000/svg";

/** Make an element: `el("td", { class: "number", title: "…" }, "text", child)`. */
export function el(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** Make an SVG element. */
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

/** The element with this id. */
export const byId = (id) => document.getElementById(id);

/** Set text, and touch the page only when it changed. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Set the class of an element, and touch the page only when it changed. */
export function setClass(node, name) {
  if (node.getAttribute("class") !== name) node.setAttribute("class", name);
}

/** Give a function that does `work` once for all calls within `ms`: live events may come in bursts. */
export function soon(work, ms) {
  let timer = 0;
  return () => {
    timer ||= setTimeout(() => {
      timer = 0;
      work();
    }, ms);
  };
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null && value !== "") node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

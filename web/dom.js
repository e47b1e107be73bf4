// Elements from data. Text only ever becomes text nodes and attributes, never HTML.

const HANDLERS = ["onclick", "onsubmit", "oninput", "onchange"];

/**
 * An element. Properties: `class`, attributes, `true` for an empty attribute, and what is a function,
 * or `value` and `checked`, as a property. Children that are `null`, `undefined` or `false` are left out.
 */
export function h(tag, properties, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (typeof value === "function" || name === "value" || name === "checked") element[name] = value;
    else if (value !== false && value != null) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child != null && child !== false));
  return element;
}

/**
 * Makes `from` look like `to`, changing as little as possible: focus, what is typed and what is
 * scrolled stay. Children with an id are recognised by it.
 */
export function morph(from, to) {
  if (from.nodeType !== to.nodeType || from.nodeName !== to.nodeName || from.id !== to.id) {
    from.replaceWith(to);
    return;
  }
  if (from.nodeType === Node.TEXT_NODE) {
    if (from.data !== to.data) from.data = to.data;
    return;
  }
  for (const { name } of [...from.attributes]) if (!to.hasAttribute(name)) from.removeAttribute(name);
  for (const { name, value } of to.attributes) {
    if (from.getAttribute(name) !== value) from.setAttribute(name, value);
  }
  for (const handler of HANDLERS) from[handler] = to[handler];
  morphChildren(from, [...to.childNodes]);
}

function morphChildren(parent, wanted) {
  let here = parent.firstChild;
  for (const child of wanted) {
    const known = child.id && [...parent.children].find((other) => other.id === child.id);
    if (known && known !== here) parent.insertBefore(known, here);
    const match = known || (here && !here.id ? here : null);
    if (!match) {
      parent.insertBefore(child, here);
      continue;
    }
    here = match.nextSibling;
    morph(match, child);
  }
  while (here) {
    const next = here.nextSibling;
    here.remove();
    here = next;
  }
}

/** An error in words, read out when it appears. */
export const problem = (text) => text && h("p", { class: "error", role: "alert" }, text);

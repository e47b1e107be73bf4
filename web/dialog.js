// Modal dialogs of forms. The browser's own <dialog> keeps the focus inside and gives it back.

import { h, problem } from "./dom.js";
import { explain, t } from "./i18n.js";

let count = 0;

/** Opens a dialog titled `title` with `children`; returns it. It is gone when it is closed. */
export function openDialog(title, ...children) {
  const id = `d-${++count}`;
  const close = h("button", { type: "button", class: "close", "aria-label": t("close"), onclick: () => dialog.close() }, "✕");
  const dialog = h("dialog", { "aria-labelledby": id }, h("div", { class: "bar" }, h("h2", { id }, title), close), ...children);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** A field with its label. */
export function field(label, input) {
  input.id ||= `f-${++count}`;
  return h("div", { class: "field" }, h("label", { for: input.id }, label), input);
}

/**
 * A button that does `work` when tapped, or when its form is sent: once at a time, showing that it is
 * under way, with an error in words beside it. `work` must not expect to be run again by itself.
 */
export function workButton(label, work, properties = {}) {
  const { submits, ...attributes } = properties;
  const place = h("div", { class: "problem" });
  const button = h("button", { type: submits ? "submit" : "button", ...attributes }, label);
  let isBusy = false;
  const start = async () => {
    if (isBusy) return;
    isBusy = true;
    button.setAttribute("aria-busy", "true");
    button.textContent = t("busy");
    place.replaceChildren();
    try {
      await work();
    } catch (error) {
      place.replaceChildren(problem(explain(error)));
    }
    isBusy = false;
    button.removeAttribute("aria-busy");
    button.textContent = label;
  };
  if (!submits) button.onclick = start;
  return { button, place, start };
}

/** A form of `fields` whose button does `work` and then closes the dialog that the form is in. */
export function form(fields, label, work) {
  const save = workButton(
    label,
    async () => {
      await work();
      element.closest("dialog")?.close();
    },
    { class: "primary", submits: true },
  );
  const element = h("form", null, fields, save.place, h("div", { class: "actions" }, save.button));
  element.onsubmit = (event) => {
    event.preventDefault();
    save.start();
  };
  return element;
}

/** Asks before `work` is done. */
export function ask(title, text, label, work) {
  const sure = workButton(
    label,
    async () => {
      await work();
      dialog.close();
    },
    { class: "danger" },
  );
  const keep = h("button", { type: "button", onclick: () => dialog.close() }, t("keep"));
  const dialog = openDialog(title, h("p", null, text), sure.place, h("div", { class: "actions" }, sure.button, keep));
}

// Modal dialogs: <dialog> keeps the focus inside and gives it back.

import { button, h, problem } from "./dom.js";
import { explain, t } from "./i18n.js";
import { announce } from "./store.js";

let ids = 0;

export function openDialog(title, ...children) {
	const id = `d-${++ids}`;
	const close = button("✕", () => shut(dialog), { class: "close", "aria-label": t("close") });
	const bar = h("div", { class: "bar" }, h("h2", { id }, title), close);
	const dialog = h("dialog", { "aria-labelledby": id }, bar, ...children, h("p", { class: "status", role: "status" }));
	dialog.onclose = () => {
		dialog.remove();
		// What had the focus may be gone.
		if (document.activeElement === document.body) document.querySelector("#main h2")?.focus();
	};
	document.body.append(dialog);
	dialog.showModal();
	return dialog;
}

/** At once: the `close` event comes later. */
export function shut(dialog) {
	dialog.close();
	dialog.remove();
}

export function field(label, input) {
	input.id ||= `f-${++ids}`;
	return h("div", { class: "field" }, h("label", { for: input.id }, label), input);
}

/** A button that does `work` and says what that resolves to; errors appear in `place`. */
export function worker(label, work, { closes, ...properties } = {}) {
	const place = h("div", { class: "problem" });
	const start = async () => {
		if (element.ariaBusy) return;
		element.ariaBusy = "true";
		element.textContent = t("busy");
		place.replaceChildren();
		try {
			const said = await work();
			if (closes) shut(element.closest("dialog"));
			if (said) announce(said);
		} catch (error) {
			if (element.isConnected) place.append(problem(explain(error)));
			else announce(explain(error));
			if (document.activeElement === document.body) element.focus();
		}
		element.ariaBusy = null;
		element.textContent = label;
	};
	const element = button(label, start, properties);
	return { button: element, place, start };
}

export function form(fields, label, work) {
	const { button, place, start } = worker(label, work, { closes: true, class: "primary", type: "submit" });
	const onsubmit = (event) => {
		event.preventDefault();
		start();
	};
	button.onclick = null;
	return h("form", { onsubmit }, fields, place, h("div", { class: "actions" }, button));
}

/** `inputs` stay as they are during `work`, and after it if it may have been done. */
export async function frozen(inputs, work) {
	const freeze = (is) => inputs.forEach((input) => (input.disabled = is));
	freeze(true);
	try {
		return await work();
	} catch (error) {
		freeze(error.isUnknown);
		throw error;
	}
}

export function ask(label, text, work, title = label) {
	const sure = worker(label, work, { closes: true, class: "danger" });
	const keep = button(t("keep"), () => shut(dialog));
	const dialog = openDialog(title, h("p", null, text), sure.place, h("div", { class: "actions" }, sure.button, keep));
}

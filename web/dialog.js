// Modal dialogs: <dialog> keeps the focus inside and gives it back. Back closes the last one.

import { button, h, problem } from "./dom.js";
import { explain, isFound, t } from "./i18n.js";
import { announce } from "./store.js";

let ids = 0;
const open = () => [...document.querySelectorAll("dialog")];

/** Its `kept`, where what is typed is kept elsewhere or worth nothing: said when it is closed, instead of a question. */
export function openDialog(title, ...children) {
	const id = `d-${++ids}`;
	const close = button("✕", () => leave(dialog), { class: "close", "aria-label": t("close") });
	const bar = h("div", { class: "bar" }, h("h2", { id }, title), close);
	const dialog = h("dialog", { "aria-labelledby": id }, bar, ...children, h("p", { class: "status", role: "status" }));
	const opener = document.activeElement;
	dialog.addEventListener("input", ({ target }) => target.type === "search" || (dialog.isTyped = true));
	dialog.oncancel = (event) => {
		event.preventDefault();
		leave(dialog);
	};
	// Browsers let a second Escape through whatever `cancel` says.
	dialog.onkeydown = (event) => {
		if (event.key === "Escape") dialog.oncancel(event);
	};
	dialog.onclose = () => {
		dialog.remove();
		// What had the focus may be gone.
		if (document.activeElement === document.body) (opener.isConnected ? opener : document.querySelector("#main h2"))?.focus();
		settle();
	};
	document.body.append(dialog);
	dialog.showModal();
	if (!isEntry()) history.pushState({ dialog: true }, "");
	return dialog;
}

/** At once: the `close` event comes later. */
export function shut(dialog) {
	dialog.close();
	dialog.onclose();
}

/** As the reader asks for: what was typed is not lost without a question. */
function leave(dialog) {
	if (!dialog.isTyped || dialog.kept !== undefined) {
		shut(dialog);
		return announce(dialog.isTyped && dialog.kept);
	}
	const discard = button(t("discard"), () => [shut(question), shut(dialog)], { class: "danger" });
	const question = openDialog(t("discard.sure"), h("div", { class: "actions" }, discard, button(t("discard.not"), () => shut(question))));
}

// While a dialog is open the browser's history has an entry for it.

const isEntry = () => history.state?.dialog;
/** Going back by ourselves; a link that is followed meanwhile waits for it. */
let isLeaving = false;
let next;

function settle() {
	setTimeout(() => {
		if (open().length || !isEntry() || isLeaving) return;
		isLeaving = true;
		history.back();
	});
}

addEventListener("popstate", () => {
	const last = open().at(-1);
	if (isLeaving) {
		isLeaving = false;
		if (last && !isEntry()) history.pushState({ dialog: true }, "");
		if (next) location.hash = next;
		next = undefined;
	} else if (last && !isEntry()) {
		history.pushState({ dialog: true }, "");
		leave(last);
	} else settle(); // Forward, to where a dialog was.
});
addEventListener("click", (event) => {
	const link = event.target.closest?.('a[href^="#"]');
	if (!isLeaving || !link) return;
	event.preventDefault();
	next = link.hash;
});
addEventListener("beforeunload", (event) => {
	if (open().some(({ isTyped, kept }) => isTyped && kept === undefined)) event.preventDefault();
});

export function field(label, input) {
	input.id ||= `f-${++ids}`;
	return h("div", { class: "field" }, h("label", { for: input.id }, label), input);
}

/** Members to tick: a field that searches them, and a line with a box for each, and `more` about them. */
export function ticks(members, boxes, more = () => null) {
	const lines = members.map((member, n) => h("label", { class: "tick" }, boxes[n], h("span", null, member.name), more(member)));
	// Enter is not to send the form that it may be in: `false` prevents that.
	const onkeydown = ({ key }) => key !== "Enter";
	const search = h("input", { type: "search", onkeydown, oninput: () => members.forEach(({ name }, n) => (lines[n].hidden = !isFound(name, search.value))) });
	return { lines, search: field(t("members.search"), search) };
}

/** A button that does `work` and says what that resolves to; errors appear in `place`. */
export function worker(label, work, { closes, ...properties } = {}) {
	const place = h("div", { class: "problem" });
	const start = async () => {
		if (element.ariaBusy) return;
		const dialog = element.closest("dialog");
		element.ariaBusy = "true";
		element.textContent = t("busy");
		place.replaceChildren();
		if (closes && dialog) dialog.isTyped = false;
		try {
			const said = await work();
			if (closes && dialog) shut(dialog);
			if (said) announce(...[said].flat());
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

/** Ways to hand out a text: copied, and shared where the browser can; copied, too, where it does not. */
export function handOut(ways, { share, ...shared }) {
	const copy = async (text) => {
		try {
			await navigator.clipboard.writeText(text);
		} catch {
			throw new Error("code.failed");
		}
		return t("code.copied");
	};
	const all = ways.map(([label, text]) => worker(label, () => copy(text())));
	// Given up, or not permitted.
	const failed = ({ name }) => name === "AbortError" || copy(`${shared.text} ${shared.url}`);
	if (share && navigator.share) all.push(worker(share, () => navigator.share(shared).catch(failed)));
	return [h("div", { class: "actions" }, all.map(({ button }) => button)), all.map(({ place }) => place)];
}

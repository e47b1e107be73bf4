// Logging in and out.

import { button, h, problem } from "../dom.js";
import { t } from "../i18n.js";
import { logIn, logOut, run, state } from "../store.js";

export function draw() {
	const isBusy = state.busy.has("login");
	const code = { id: "code", required: true, autocomplete: "off", autocapitalize: "none", spellcheck: "false", "aria-describedby": "hint" };
	return [
		h("h2", { tabindex: "-1" }, t("people.here")),
		h("ul", { class: "list" }, state.people.map(person)),
		h(
			"form",
			{ class: "card", onsubmit },
			h("label", { for: "code" }, t(state.people.length ? "people.another" : "code.title")),
			h("input", code),
			h("p", { id: "hint", class: "hint" }, t("people.hint")),
			problem(state.errors.get("login")),
			h("button", { class: "primary", "aria-busy": String(isBusy) }, t(isBusy ? "busy" : "login.title")),
		),
	];
}

function person({ code, user }) {
	const name = user?.name ?? code;
	return h(
		"li",
		{ class: "card" },
		h("span", null, h("b", null, name), " ", h("span", { class: "badge" }, t(user ? `role.${user.role}` : "people.unknown"))),
		button(t("logout.title"), () => logOut({ code, user }), { "aria-label": `${t("logout.title")}: ${name}` }),
	);
}

function onsubmit(event) {
	event.preventDefault();
	const { code } = event.target.elements;
	return run("login", async () => {
		const said = await logIn(code.value.trim());
		code.value = "";
		code.focus();
		return said;
	});
}

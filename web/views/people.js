// Logging in and out, and the language.

import { button, h, problem } from "../dom.js";
import { LANGUAGES, language, t } from "../i18n.js";
import { chooseLanguage, logIn, logOut, nameOf, redraw, run, state, whose } from "../store.js";

/** Of a link that was opened: `code` and `user`, until somebody says whether to log in here. */
let invitation;

/** Asks whose code it is; false where that cannot be known yet. */
export async function invite(pasted) {
	invitation = undefined;
	await run("login", async () => {
		invitation = await whose(pasted);
		return "";
	});
	return !(state.errors.has("login") && state.trouble);
}

export function draw() {
	const isBusy = state.busy.has("login");
	const code = { id: "code", required: true, autocomplete: "off", autocapitalize: "none", spellcheck: "false", "aria-describedby": "hint" };
	const select = h("select", { id: "language", onchange: ({ target }) => chooseLanguage(target.value) });
	select.append(...Object.entries(LANGUAGES).map(([value, name]) => h("option", { value, lang: value, selected: value === language }, name)));
	return h(
		"div",
		{ class: "narrow" },
		h("h2", { tabindex: "-1" }, t("people.here")),
		invitation && invited(invitation),
		state.isForVisit && h("p", { class: "banner" }, t("people.forVisit")),
		h("ul", { class: "list" }, state.people.map(person)),
		h(
			"form",
			{ class: "card", id: "login", onsubmit },
			h("label", { for: "code" }, t(state.people.length ? "people.another" : "code.title")),
			h("input", code),
			h("p", { id: "hint", class: "hint" }, t("people.hint")),
			problem(state.errors.get("login")),
			h("button", { class: "primary", "aria-busy": String(isBusy) }, t(isBusy ? "busy" : "login.title")),
		),
		h("div", { class: "field language" }, h("label", { for: "language" }, t("language")), select),
	);
}

function invited({ code, user }) {
	const done = () => (invitation = undefined);
	const not = () => [done(), redraw()];
	return h(
		"section",
		{ class: "card next", id: "invited" },
		h("p", null, t("invited.ask", user)),
		h("div", { class: "actions" }, button(t("invited.yes", user), () => enter(code, done), { class: "primary" }), button(t("invited.no"), not)),
	);
}

/** To the sessions. */
const enter = async (code, done) => {
	await run("login", async () => {
		const said = await logIn(code);
		done();
		return said;
	});
	if (!state.errors.has("login")) location.hash = "#sessions";
};

function person(person) {
	const { user, last } = person;
	const name = nameOf(person) ?? t("people.unknown");
	const note = !user && state.club && (last ? t(state.club.users[last.id] ? "people.replaced" : "people.removed", last) : t("people.askClub"));
	return h(
		"li",
		{ class: "card" },
		h("span", null, h("b", null, name), " ", user && h("span", { class: "badge" }, t(`role.${user.role}`)), note && h("span", { class: "hint" }, note)),
		button(t("logout.title"), () => logOut(person), { "aria-label": `${t("logout.title")}: ${name}` }),
	);
}

function onsubmit(event) {
	event.preventDefault();
	const { code } = event.target.elements;
	return enter(code.value, () => (code.value = ""));
}

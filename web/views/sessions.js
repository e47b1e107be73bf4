// The sessions, who comes, and the answers of those on this phone.

import { ANSWERS, sessions } from "../club.js";
import { button, h, problem } from "../dom.js";
import { day, t, times } from "../i18n.js";
import { answer, clubOnScreen, state } from "../store.js";

/** `coaching`: `coach.js` if somebody here is a coach. */
export function draw(coaching) {
	const { coming, past } = sessions(clubOnScreen(), Date.now() / 1000);
	const people = state.people.filter(({ user }) => user);
	const cards = (id, list, people) => h("div", { class: "cards", id }, list.map((session) => card(session, people, coaching)));
	return [
		h("div", { class: "bar" }, h("h2", { tabindex: "-1" }, t("sessions.title")), coaching?.addButton()),
		!people.length && h("p", { class: "hint" }, h("a", { href: "#people" }, t("login.title")), " ", t("sessions.login")),
		!coming.length && h("p", null, t("sessions.none")),
		cards("coming", coming, people),
		coaching && past.length > 0 && [h("h2", null, t("sessions.past")), cards("past", past.reverse(), [])],
	];
}

function card(session, people, coaching) {
	const { id, start, end, state, coachId, coach, comment, who } = session;
	const title = `t-${id}`;
	return h(
		"article",
		{ id: `s-${id}`, class: `card ${state}`, "aria-labelledby": title },
		h(
			"h3",
			{ id: title },
			h("span", { class: "day" }, day(start)),
			h("b", null, times(start, end)),
			state !== "scheduled" && h("span", { class: "badge" }, t(`state.${state}`)),
		),
		coachId && h("p", { class: "coach" }, t("session.with", { name: coach ?? t("member.former") })),
		comment && h("p", { class: "comment" }, comment),
		people.map((person) => choices(session, person)),
		h(
			"dl",
			{ class: "who" },
			who.map(({ answer, names }) => {
				const count = h("dt", null, t(`answer.${answer}`), " ", h("b", null, names.length));
				return h("div", { class: answer }, count, h("dd", null, names.join(", ") || "–"));
			}),
		),
		coaching?.actions(session),
	);
}

function choices({ id, answers }, person) {
	const { user_id, name } = person.user;
	const key = `${id} ${user_id}`;
	const label = `n-${id}-${user_id}`;
	const chosen = answers[user_id];
	const choose = (value) => () => answer(person, id, value);
	const isBusy = state.pending.has(key);
	return h(
		"div",
		{ class: "answer", role: "group", "aria-labelledby": label, "aria-busy": String(isBusy) },
		h("b", { id: label }, name),
		h("span", { class: "progress" }, isBusy && t("busy")),
		button(t("answer.back"), choose(null), { class: "back", "aria-disabled": String(!chosen) }),
		h(
			"div",
			{ class: "choices" },
			ANSWERS.map((value) => button(t(`answer.${value}`), choose(value), { class: value, "aria-pressed": String(chosen === value) })),
		),
		problem(state.errors.get(key)),
	);
}

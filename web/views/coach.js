// What coaches do with sessions.

import { post } from "../api.js";
import { ANSWERS, canTakeAttendance, daysBetween, members, nights, weekly } from "../club.js";
import { field, form, frozen, handOut, openDialog } from "../dialog.js";
import { button, h, problem } from "../dom.js";
import { day, explain, hereZone, local, localParts, t, when } from "../i18n.js";
import { act, announce, codeOf, linkTo, part, refresh, request, run, state } from "../store.js";

export const WEEKS_MAX = 52;
const WEEK = 7;
const key = ({ id }) => `session ${id}`;

export const addButton = () => button(t("session.add"), () => addSessions(), { class: "primary" });

/** Of an empty club: members, links, weekly sessions. */
export function firstSteps(club) {
	if (Object.keys(club.sessions).length) return;
	const isAdmin = codeOf("Admin");
	const step = (text, way) => h("li", null, text, " ", way);
	return h(
		"section",
		{ class: "card steps" },
		h("h3", null, t("steps.title")),
		h(
			"ol",
			null,
			isAdmin && step(t("steps.members"), h("a", { href: "#members" }, t("members.title"))),
			isAdmin && step(t("steps.links"), h("a", { href: "#members" }, t("invitations.all"))),
			step(t("steps.sessions"), button(t("session.add"), () => addSessions())),
		),
	);
}

/** What a card depends on beside the session. */
export const partsOf = (session, now) => [canTakeAttendance(session, now), state.busy.has(key(session)), state.errors.get(key(session))].join();

export function actions(session, now) {
	const isBusy = state.busy.has(key(session));
	const { state: is } = session;
	const main = (label, onclick, more) => button(t(label), onclick, { "aria-busy": String(isBusy), "aria-describedby": `l-${session.id} t-${session.id}`, ...more });
	return h(
		"div",
		{ class: "coaching" },
		is === "cancelled"
			? session.end > now && main("session.tell", () => tell(session))
			: canTakeAttendance(session, now)
				? main(is === "scheduled" ? "session.attend" : "session.reattend", () => attend(session), { class: is === "scheduled" ? "primary" : "" })
				: is === "scheduled" && main("session.change", () => changeSession(session)),
		isBusy && h("p", { class: "progress" }, t("busy")),
		problem(state.errors.get(key(session))),
	);
}

/** Who has not answered, as a text for the club's chat. */
export function missing(session, names) {
	const text = () => t("missing.text", { session: when(session), names: names.join(", ") });
	return names.length > 0 && handOut([[t("missing.copy"), text]], {});
}

/** Nobody is told by us. */
function tell(session) {
	const text = t("cancelled.text", { session: when(session), club: state.about.name });
	const url = linkTo(`session=${session.id}`);
	openDialog(t("session.tell"), h("p", { class: "hint" }, t("cancelled.hint")), h("p", { class: "quote" }, text), handOut([[t("copy"), () => `${text} ${url}`]], { share: t("share"), text, url }));
}

export const attend = async (session, isPrinting) => (await part("attendance"))?.takeAttendance(session, isPrinting);

const update = (session, session_state) => act("coach_update_training_session", { session_id: session.id, session_state });

/** Cancelled or restored; undone by the state before. */
export function setState(session, wanted) {
	const back = () => setState(session, session.state);
	return run(key(session), async () => {
		await update(session, wanted);
		return [t(`state.${wanted}`), wanted === "cancelled" && back];
	});
}

export async function remove(session) {
	await update(session, "deleted");
	const id = crypto.randomUUID();
	const back = async () => {
		await run(key(session), () => restore(session, id));
		// No card is left to say it.
		const words = state.errors.get(key(session));
		if (words) announce(words, back);
	};
	return [t("state.deleted"), back];
}

/**
 * Another session with the same data. What was attended stays in the history, as the old one's. Answers take their
 * members' codes: an admin can ask for them, a coach has those of this phone only.
 */
async function restore({ start, end, coachId, comment, answers, state: was }, id) {
	const { users } = state.club;
	const coach = users[coachId] ? coachId : members(state.club).find(({ role }) => role !== "Student").user_id;
	const { session } = await request("coach_add_training_session", { start_time: start, end_time: end, coach, comment }, id);
	const { session_id } = session;
	if (was !== "scheduled") await request("coach_update_training_session", { session_id, session_state: was });
	// The function has the coach say yes.
	const said = { [coach]: null, ...answers };
	const ids = Object.keys(said).filter((id) => users[id] && said[id] !== (session.participation[id] ?? null));
	const codes = new Map(state.people.map(({ user, code }) => [user?.user_id, code]));
	if (codeOf("Admin")) await (await part("invitations"))?.fetchCodes(ids.map((id) => users[id]), codes);
	for (const answer of [...ANSWERS, null]) {
		const user_auth_tokens = ids.filter((id) => said[id] === answer && codes.has(id)).map((id) => codes.get(id));
		if (user_auth_tokens.length) await post("any_register_participation", { joining_sessions: { [session_id]: answer }, user_auth_tokens });
	}
	await refresh();
	const count = ids.filter((id) => said[id] && !codes.has(id)).length;
	return t(count ? "session.back" : "state.scheduled", { count });
}

/** Anybody may be the coach. */
export function inputs(known) {
	const users = [...members(state.club)].sort((a, b) => (a.role === "Student") - (b.role === "Student"));
	const coach = known.coachId ?? state.people.find(({ user }) => user && user.role !== "Student")?.user.user_id;
	// Without it browsers take years of six digits.
	const input = (type, value) => h("input", { type, value, required: true, max: type === "date" && "9999-12-31" });
	const options = users.map(({ user_id, name }) => h("option", { value: user_id, selected: user_id === coach }, name));
	if (!state.club.users[coach]) options.unshift(h("option", { value: "" }, "–"));
	const [date, from, to] = [input("date", known.date), input("time", known.from), input("time", known.to)];
	const select = h("select", { required: true }, options);
	const comment = h("textarea", { value: known.comment ?? "" });
	// Several days stay several days unless the times change.
	const nightsNow = () => (from.value === known.from && to.value === known.to ? known.nights : nights(from.value, to.value));
	from.oninput = to.oninput = () => to.setCustomValidity(nightsNow() === undefined ? t("session.endWrong") : "");
	const zone = state.about.timeZone;
	return {
		all: [date, from, to, select, comment],
		fields: [
			field(t("session.date"), date),
			h("div", { class: "row" }, field(t("session.start"), from), field(t("session.end"), to)),
			zone && zone !== hereZone() && h("p", { class: "hint" }, t("session.zone", { zone })),
			field(t("role.Coach"), select),
			field(t("session.comment"), comment),
		],
		content: ({ start, end }) => ({ start_time: start, end_time: end, coach: select.value, comment: comment.value.trim() }),
		plan: (weeks) => weekly(date.value, from.value, to.value, nightsNow(), weeks),
		/** Of another session, moved by as many days. */
		moved: (other) => weekly(localParts(local(localParts(other.start).date, daysBetween(known.date, date.value))).date, from.value, to.value, nightsNow(), 1)[0],
	};
}

/** What inputs show of a session. */
export function partsOfTimes(session) {
	const { date, time: from } = localParts(session.start);
	const { date: lastDate, time: to } = localParts(session.end);
	return { ...session, date, from, to, nights: daysBetween(date, lastDate) };
}

export function changeSession(session) {
	const input = inputs(partsOfTimes(session));
	const plan = () => input.plan(1)[0];
	const { start, end } = plan();
	const save = async () => {
		// Inputs know minutes only.
		const now = plan();
		const times = now.start === start && now.end === end ? session : now;
		await act("coach_update_training_session", { session_id: session.id, ...input.content(times) });
		return t("session.changed");
	};
	openDialog(t("session.change"), form(input.fields, t("save"), save));
}

/** A week later, unless chosen otherwise. */
export function copySession(session) {
	const known = partsOfTimes(session);
	addSessions({ ...known, date: localParts(local(known.date, WEEK)).date }, t("session.copy"));
}

/**
 * One after the other, `each` under an operation id of its own; the button goes on where one failed, with the same
 * ids and content. Closing the dialog ends it. The club is read once, at the end.
 */
export function several(planned, each, said) {
	const made = h("div", { role: "status" });
	const operations = Array.from(Array(WEEKS_MAX * 2), () => crypto.randomUUID());
	const done = [];
	let plan;
	const work = async () => {
		if (!done.length) plan = planned();
		try {
			for (const one of plan.slice(done.length)) {
				if (done.length && !made.isConnected) break;
				try {
					await each(one, operations[done.length]);
				} catch (error) {
					if (!done.length) throw error;
					const values = { done: t(said, { count: done.length }), day: day(one.start), error: explain(error) };
					throw Object.assign(new Error(t("several.failed", values)), { isUnknown: true });
				}
				done.push(one);
				made.replaceChildren(t("several.made", { count: done.length, total: plan.length }), h("ul", null, done.map(({ start }) => h("li", null, day(start)))));
			}
		} finally {
			await refresh();
		}
		return t(said, { count: done.length });
	};
	return { made, work };
}

function addSessions(known = { date: localParts(Date.now() / 1000).date, from: "18:00", to: "19:30", nights: 0 }, title = t("session.add")) {
	const input = inputs(known);
	const weeks = h("input", { type: "number", min: 1, max: WEEKS_MAX, required: true, value: 1 });
	const each = (one, id) => request("coach_add_training_session", input.content(one), id);
	const { made, work } = several(() => input.plan(Number(weeks.value)), each, "session.added");
	const send = () => frozen([...input.all, weeks], work);
	openDialog(title, form([input.fields, field(t("weekly.weeks"), weeks), made].flat().filter(Boolean), t("session.add"), send));
}

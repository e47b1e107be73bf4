// What coaches do with sessions.

import { attendanceList, local, localParts, members, nights, weekly } from "../club.js";
import { ask, field, form, frozen, openDialog } from "../dialog.js";
import { button, h, problem } from "../dom.js";
import { day, explain, t, time, times } from "../i18n.js";
import { act, clubOnScreen, request, run, state } from "../store.js";

const WEEKS_MAX = 52;
const when = ({ start, end }) => `${day(start)} ${times(start, end)}`;

export const addButton = () => button(t("session.add"), addSessions, { class: "primary" });

export function actions(session) {
	const { id, attendanceFrom, canTakeAttendance } = session;
	const key = `session ${id}`;
	const isBusy = state.busy.has(key);
	const isScheduled = session.state === "scheduled";
	const isCancelled = session.state === "cancelled";
	const action = (name, onclick, more) =>
		button(t(`session.${name}`), onclick, { "aria-busy": String(isBusy), "aria-describedby": `t-${id}`, ...more });
	const setState = (session_state) => async () => {
		await act("coach_update_training_session", { session_id: id, session_state });
		return t(`state.${session_state}`);
	};
	// One id, so that the focus stays.
	const toggle = (name, wanted) => action(name, () => run(key, setState(wanted)), { id: `c-${id}` });
	return h(
		"div",
		{ class: "coaching" },
		!isCancelled && !canTakeAttendance && h("p", { class: "hint" }, t("attendance.from", { time: time(attendanceFrom) })),
		h(
			"div",
			{ class: "actions", id: `a-${id}` },
			!isCancelled &&
				action(isScheduled ? "attend" : "reattend", () => takeAttendance(session), { class: "primary", disabled: !canTakeAttendance }),
			isScheduled && action("change", () => changeSession(session)),
			isScheduled && toggle("cancel", "cancelled"),
			isCancelled && toggle("restore", "scheduled"),
			action("delete", () => ask(t("session.delete"), when(session), setState("deleted"), t("session.delete.sure"))),
		),
		isBusy && h("p", { class: "progress" }, t("busy")),
		problem(state.errors.get(key)),
	);
}

/** Anybody may be the coach. */
function inputs(known) {
	const users = members(state.club).sort((a, b) => (a.role === "Student") - (b.role === "Student"));
	const coach = known.coachId ?? state.people.find(({ user }) => user && user.role !== "Student")?.user.user_id;
	const input = (type, value) => h("input", { type, value, required: true });
	const options = users.map(({ user_id, name }) => h("option", { value: user_id, selected: user_id === coach }, name));
	if (!state.club.users[coach]) options.unshift(h("option", { value: "" }, "–"));
	const [date, from, to] = [input("date", known.date), input("time", known.from), input("time", known.to)];
	const select = h("select", { required: true }, options);
	const comment = h("textarea", { value: known.comment ?? "" });
	// Several days stay several days unless the times change.
	const nightsNow = () => (from.value === known.from && to.value === known.to ? known.nights : nights(from.value, to.value));
	from.oninput = to.oninput = () => to.setCustomValidity(nightsNow() === undefined ? t("session.endWrong") : "");
	return {
		all: [date, from, to, select, comment],
		fields: [
			field(t("session.date"), date),
			h("div", { class: "row" }, field(t("session.start"), from), field(t("session.end"), to)),
			field(t("role.Coach"), select),
			field(t("session.comment"), comment),
		],
		content: ({ start, end }) => ({ start_time: start, end_time: end, coach: select.value, comment: comment.value.trim() }),
		plan: (weeks) => weekly(date.value, from.value, to.value, nightsNow(), weeks),
	};
}

function changeSession(session) {
	const { date, time: from } = localParts(session.start);
	const { date: lastDate, time: to } = localParts(session.end);
	const input = inputs({ ...session, date, from, to, nights: Math.round((local(lastDate) - local(date)) / 86_400) });
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

/**
 * Where one of several fails, the dialog says which were made, and the button goes on from there with
 * the same operation ids and content. Closing the dialog ends it.
 */
function addSessions() {
	const input = inputs({ date: localParts(Date.now() / 1000).date, from: "18:00", to: "19:30", nights: 0 });
	const weeks = h("input", { type: "number", min: 1, max: WEEKS_MAX, required: true, value: 1 });
	const made = h("div", { role: "status" });
	const operations = Array.from(Array(WEEKS_MAX), () => crypto.randomUUID());
	const done = [];
	let plan;
	const add = async () => {
		if (!done.length) plan = input.plan(Number(weeks.value));
		for (const session of plan.slice(done.length)) {
			if (done.length && !made.isConnected) break;
			try {
				await act("coach_add_training_session", input.content(session), operations[done.length]);
			} catch (error) {
				if (!done.length) throw error;
				const values = { count: done.length, day: day(session.start), error: explain(error) };
				throw Object.assign(new Error(t("weekly.failed", values)), { isUnknown: true });
			}
			done.push(session);
			made.replaceChildren(t("weekly.made", { count: done.length, total: plan.length }), h("ul", null, done.map(({ start }) => h("li", null, day(start)))));
		}
		return t("session.added", { count: done.length });
	};
	const send = () => frozen([...input.all, weeks], add);
	openDialog(t("session.add"), form([input.fields, field(t("weekly.weeks"), weeks), made].flat(), t("session.add"), send));
}

async function takeAttendance(session) {
	const isRecorded = session.state === "archived";
	const list = h("div", null, h("p", { class: "loading", role: "status" }, t("busy")));
	openDialog(t(isRecorded ? "session.reattend" : "session.attend"), h("p", { class: "hint" }, when(session)), list);
	try {
		const period = { start_time: session.start, end_time: session.start + 1 };
		const history = isRecorded && (await request("coach_get_historical_participation", period));
		list.replaceChildren(attendanceForm(session, history?.[session.id]?.participants));
	} catch (error) {
		list.replaceChildren(problem(explain(error)));
	}
}

function attendanceForm(session, recorded) {
	const members = attendanceList(clubOnScreen(), session, recorded);
	const boxes = members.map(({ id, ticked }) => h("input", { type: "checkbox", value: id, checked: ticked, onchange: () => count() }));
	const ticks = members.map(({ name, answer }, n) =>
		h("label", { class: "tick" }, boxes[n], name, answer && h("span", { class: `said ${answer}` }, t(`answer.${answer}`))),
	);
	const present = () => boxes.filter(({ checked }) => checked).map(({ value }) => value);
	const total = h("p", { role: "status" });
	const count = () => total.replaceChildren(t("attendance.count", { count: present().length, total: boxes.length }));
	count();
	return form([h("fieldset", null, h("legend", null, t("attendance.who")), ticks), total], t("save"), async () => {
		const participants = present();
		await act("coach_register_participation", { session_id: session.id, participants });
		return t("attendance.saved", { count: participants.length });
	});
}

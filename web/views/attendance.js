// Who is here? Ticks are kept on the device until they are saved or discarded.

import { forget, keep, kept } from "../api.js";
import { attendanceList, recorded } from "../club.js";
import { form, openDialog, ticks } from "../dialog.js";
import { button, h, problem } from "../dom.js";
import { explain, t, when } from "../i18n.js";
import { act, clubOnScreen, request } from "../store.js";

/** The function knows no older history. */
const EARLIEST = 1_700_000_000;

const isIds = (value) => Array.isArray(value) && value.every((id) => typeof id === "string");
/** What is ticked, and what was recorded when that was begun. */
const isDraft = ({ ids, base }) => isIds(ids) && (base === undefined || isIds(base));

export async function takeAttendance(session, isPrinting) {
	const list = h("div", null, h("p", { class: "loading", role: "status" }, t("busy")));
	const dialog = openDialog(t(session.state === "archived" ? "session.reattend" : "session.attend"), h("p", { class: "hint" }, when(session)), list);
	dialog.kept = t("attendance.kept");
	try {
		const before = session.state === "archived" ? await stored(session) : undefined;
		list.replaceChildren(attendanceForm(dialog, session, before));
		if (isPrinting) print();
	} catch (error) {
		list.replaceChildren(problem(explain(error)));
	}
}

/** What is recorded now: ids, or `undefined`. */
async function stored({ id, start }) {
	if (start < EARLIEST) return;
	const history = await request("coach_get_historical_participation", { start_time: start, end_time: start + 1 });
	const found = recorded(history).find((one) => one.id === id);
	return found && [...found.participants];
}

const isSame = (some = [], others = []) => some.length === others.length && some.every((id) => others.includes(id));

function attendanceForm(dialog, session, before) {
	const club = clubOnScreen();
	const key = `draft ${session.id}`;
	const draft = kept(key, isDraft);
	let base = draft ? draft.base : before;
	const all = attendanceList(club, session, before);
	const change = () => {
		keep(key, { ids: present(), base });
		count();
	};
	const boxes = all.map(({ id, ticked }) => h("input", { type: "checkbox", value: id, checked: draft ? draft.ids.includes(id) : ticked, onchange: change }));
	const { search, lines } = ticks(all, boxes, ({ answer }) => answer && h("span", { class: `said ${answer}` }, t(`answer.${answer}`)));
	const present = () => boxes.filter(({ checked }) => checked).map(({ value }) => value);
	const set = (ids) => {
		for (const box of boxes) box.checked = ids.includes(box.value);
		change();
	};
	const total = h("p", { role: "status" });
	const count = () => total.replaceChildren(t("attendance.count", { count: present().length, total: boxes.length }));
	count();

	const saidYes = () => set([...present(), ...all.filter(({ answer }) => answer === "Yes").map(({ id }) => id)]);
	const discard = () => {
		forget(key);
		base = before;
		for (const [n, { ticked }] of all.entries()) boxes[n].checked = ticked;
		count();
		place.replaceChildren();
		note.remove();
	};
	const note = draft && h("p", { class: "banner" }, t("attendance.draft"), button(t("discard"), discard));

	const save = async (participants) => {
		// Another coach may have saved meanwhile.
		const now = await stored(session);
		if (now && !isSame(now, base) && !isSame(now, participants)) {
			base = now;
			place.replaceChildren(...conflict(club, now, participants, set));
			place.scrollIntoView?.({ block: "nearest" });
			throw new Error("attendance.conflict");
		}
		await act("coach_register_participation", { session_id: session.id, participants });
		forget(key);
		return t("attendance.saved", { count: participants.length });
	};
	const place = h("div");
	const tools = h("div", { class: "tools" }, search, button(t("attendance.saidYes"), saidYes));
	const element = form([tools, h("fieldset", null, h("legend", null, t("attendance.who")), lines), place].flat(), t("save"), () => save(present()));
	element.classList.add("attendance");
	element.lastChild.append(total);
	if (note) element.prepend(note);
	return element;
}

/** Both, for the coach to decide: the ticks may be the one, the other or both. */
function conflict(club, theirs, ours, set) {
	const names = (ids) => ids.map((id) => club.users[id]?.name ?? t("member.former")).join(", ") || "–";
	const without = (some, others) => some.filter((id) => !others.includes(id));
	const line = (label, ids) => h("div", null, h("dt", null, t(label)), h("dd", null, names(ids)));
	return [
		h("dl", { class: "conflict" }, line("attendance.onlyTheirs", without(theirs, ours)), line("attendance.onlyOurs", without(ours, theirs))),
		h(
			"div",
			{ class: "actions" },
			button(t("attendance.takeOurs"), () => set(ours)),
			button(t("attendance.takeTheirs"), () => set(theirs)),
			button(t("attendance.takeBoth"), () => set([...new Set([...ours, ...theirs])])),
		),
	];
}

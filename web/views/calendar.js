// Sessions as a calendar file (RFC 5545). Times are in UTC, which every calendar shows in its own zone.

import { sessions } from "../club.js";
import { saveFile } from "../dom.js";
import { t } from "../i18n.js";
import { clubOnScreen, state } from "../store.js";

const LINE_OCTETS = 75;

const stamp = (seconds) => `${new Date(seconds * 1000).toISOString().replace(/[-:]|\.\d+/g, "")}`;
const text = (value) => value.replace(/[\\;,]/g, "\\$&").replace(/\r\n|\r|\n/g, "\\n").replace(/[\0-\x08\x0b-\x1f\x7f]/g, "");

/** Lines of at most 75 octets; what follows begins with a blank. */
function fold(line) {
	const encoder = new TextEncoder();
	const lines = [""];
	let room = LINE_OCTETS;
	for (const sign of line) {
		const length = encoder.encode(sign).length;
		if (length > room) {
			lines.push(" ");
			room = LINE_OCTETS - 1;
		}
		lines[lines.length - 1] += sign;
		room -= length;
	}
	return lines.join("\r\n");
}

function event(club, { id, start, end, state: is, coachId, comment }, now) {
	const coach = club.users[coachId]?.name;
	return [
		"BEGIN:VEVENT",
		`UID:${text(id)}@${location.host}`,
		`DTSTAMP:${stamp(now)}`,
		`DTSTART:${stamp(start)}`,
		`DTEND:${stamp(Math.max(start, end))}`,
		`SUMMARY:${text([is === "cancelled" && `${t("state.cancelled")}:`, state.about.name].filter(Boolean).join(" "))}`,
		`DESCRIPTION:${text([coach && t("session.with", { name: coach }), comment].filter(Boolean).join("\n"))}`,
		`STATUS:${is === "cancelled" ? "CANCELLED" : "CONFIRMED"}`,
		`SEQUENCE:${Math.floor(now / 60)}`,
		"END:VEVENT",
	];
}

export function calendar(club, list, now) {
	const lines = ["BEGIN:VCALENDAR", "VERSION:2.0", `PRODID:-//dojang//${text(state.about.name)}//EN`, "CALSCALE:GREGORIAN", "METHOD:PUBLISH"];
	return [...lines, ...list.flatMap((session) => event(club, session, now)), "END:VCALENDAR"].map((line) => `${fold(line)}\r\n`).join("");
}

/** `list`, or all to come that one of `people` said yes to. */
export function download(list, people) {
	const club = clubOnScreen();
	const now = Math.floor(Date.now() / 1000);
	list ??= sessions(club, now).coming.filter(({ answers }) => people.some((id) => answers[id] === "Yes"));
	saveFile("dojang.ics", "text/calendar", calendar(club, list, now));
}

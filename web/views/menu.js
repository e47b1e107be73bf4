// All that can be done with a session, the dangerous last.

import { canTakeAttendance, following } from "../club.js";
import { ask, handOut, openDialog, shut } from "../dialog.js";
import { button, h } from "../dom.js";
import { t, when } from "../i18n.js";
import { clubOnScreen, codeOf, linkTo, part, state } from "../store.js";
import { download } from "./calendar.js";

export function open(session) {
	const dialog = openDialog(when(session));
	/** Closes the menu first, so that what follows gives the focus back to where it came from. */
	const item = (key, work, more) =>
		button(t(key), () => {
			shut(dialog);
			work();
		}, more);
	const people = state.people.filter(({ user }) => user).map(({ user }) => user.user_id);
	const url = linkTo(`session=${session.id}`);
	const list = h(
		"div",
		{ class: "menu" },
		item("calendar.one", () => download([session])),
		people.length > 0 && item("calendar.mine", () => download(null, people)),
		handOut([[t("session.copyLink"), () => url]], { share: t("share"), title: state.about.name, text: when(session), url }),
	);
	dialog.lastChild.before(list);
	if (!codeOf("Coach")) return;
	Promise.all(["coach", "series"].map(part)).then(([coach, series]) => {
		if (!coach || !series) return;
		const { state: is } = session;
		const isScheduled = is === "scheduled";
		const later = following(clubOnScreen(), session).length;
		const danger = { class: "danger" };
		list.append(
			...[
				isScheduled && item("session.change", () => coach.changeSession(session)),
				item("session.copy", () => coach.copySession(session)),
				isScheduled && later > 0 && item("series.change", () => series.changeFollowing(session)),
				canTakeAttendance(session, Date.now() / 1000) && item("roster.print", () => coach.attend(session, true)),
				is === "cancelled" && item("session.restore", () => coach.setState(session, "scheduled")),
				isScheduled && item("session.cancel", () => coach.setState(session, "cancelled"), danger),
				isScheduled && later > 0 && item("series.cancel", () => series.cancelFollowing(session), danger),
				item("session.delete", () => ask(t("session.delete"), when(session), () => coach.remove(session), t("session.delete.sure")), danger),
			].filter(Boolean),
		);
	});
}

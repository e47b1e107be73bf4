// The links of all members, or of those chosen, to copy or print.

import { members } from "../club.js";
import { handOut, openDialog, ticks, worker } from "../dialog.js";
import { button, h } from "../dom.js";
import { t } from "../i18n.js";
import { linkTo, request, state } from "../store.js";

/** Requests under way at once. */
const AT_ONCE = 4;

/** Login codes by id, of those that are not there yet, as long as `goesOn`, which hears how many are missing. */
export async function fetchCodes(users, codes, goesOn = () => true) {
	const missing = users.filter(({ user_id }) => !codes.has(user_id));
	const next = async () => {
		for (let user = missing.pop(); user && goesOn(missing.length); user = missing.pop()) {
			const { user_id } = user;
			codes.set(user_id, (await request("admin_show_auth_token", { user_id })).auth_token);
		}
	};
	await Promise.all(Array.from(Array(AT_ONCE), next));
}

export function openInvitations() {
	const all = members(state.club);
	const boxes = all.map(() => h("input", { type: "checkbox", checked: true }));
	const { search, lines } = ticks(all, boxes);
	const set = (is) => () => boxes.forEach((box, n) => lines[n].hidden || (box.checked = is));
	const place = h("div", { role: "status" });
	const codes = new Map();
	const make = async () => {
		const chosen = all.filter((_, n) => boxes[n].checked);
		await fetchCodes(chosen, codes, (left) => {
			place.replaceChildren(t("several.made", { count: chosen.length - left, total: chosen.length }));
			return place.isConnected;
		});
		if (place.isConnected) show(chosen.map(({ name, user_id }) => ({ name, url: linkTo(`code=${codes.get(user_id)}`) })));
	};
	const show = (list) => {
		const text = () => list.map(({ name, url }) => `${name}: ${url}`).join("\n");
		openDialog(
			t("invitations.title", { count: list.length }),
			h("p", { class: "hint" }, t("code.hint")),
			handOut([[t("invitations.copy"), text]], {}),
			h("div", { class: "actions" }, button(t("print"), () => print())),
			h("ul", { class: "links" }, list.map(({ name, url }) => h("li", null, h("b", null, name), " ", h("span", null, url)))),
		);
	};
	const go = worker(t("invitations.make"), make, { class: "primary" });
	openDialog(
		t("invitations.all"),
		search,
		h("div", { class: "actions" }, button(t("choose.all"), set(true)), button(t("choose.none"), set(false))),
		h("fieldset", null, h("legend", null, t("invitations.who")), lines),
		place,
		go.place,
		h("div", { class: "actions bottom" }, go.button),
	).kept = "";
}

// Members, their roles and their login codes.

import { members } from "../club.js";
import { ask, field, form, frozen, handOut, openDialog, shut, worker } from "../dialog.js";
import { button, h, once } from "../dom.js";
import { isFound, language, t } from "../i18n.js";
import { act, linkTo, part, redraw, replaceCode, request, state } from "../store.js";

let wanted = "";

export function draw() {
	const all = members(state.club);
	const shown = all.filter(({ name }) => isFound(name, wanted));
	const search = ({ target }) => {
		wanted = target.value;
		redraw();
	};
	return h(
		"div",
		{ class: "narrow" },
		h("div", { class: "bar" }, h("h2", { tabindex: "-1" }, t("members.title")), h("div", { class: "actions" }, button(t("invitations.all"), invitations), button(t("member.add"), addMember, { class: "primary" }))),
		field(t("members.search"), h("input", { id: "search", type: "search", value: wanted, oninput: search })),
		h("p", { class: "hint" }, `${shown.length} / ${all.length}`),
		h("ul", { class: "list rows" }, shown.map(row)),
	);
}

/** As a whole it leads to the member. */
function row(user) {
	const { user_id, name, role } = user;
	return once(`m-${user_id}`, [user, language], () =>
		h("li", { id: `m-${user_id}` }, h("button", { type: "button", class: "row-button", onclick: () => changeMember(user), "aria-haspopup": "dialog" }, h("b", null, name), " ", role !== "Student" && h("span", { class: "badge" }, t(`role.${role}`)))),
	);
}

const invitations = async () => (await part("invitations"))?.openInvitations();

function memberForm({ name, role }, label, send) {
	const nameInput = h("input", { required: true, autocomplete: "off", value: name });
	const option = (value) => h("option", { value, selected: value === role }, t(`role.${value}`));
	const roleInput = h("select", null, ["Student", "Coach", "Admin"].map(option));
	const fields = [field(t("member.name"), nameInput), field(t("member.role"), roleInput)];
	return form(fields, label, () => frozen([nameInput, roleInput], () => send({ name: nameInput.value, role: roleInput.value })));
}

function addMember() {
	const id = crypto.randomUUID();
	const send = async (member) => {
		const { name, auth_token } = await act("admin_create_user", member, id);
		shut(dialog);
		openDialog(name, h("p", null, t("code.new")), codeToHandOut(name, auth_token));
		return t("member.added", { name });
	};
	const dialog = openDialog(t("member.add"), memberForm({ name: "" }, t("member.add"), send));
}

/** To invite comes first; what cannot be undone is folded away. */
function changeMember(user) {
	const { user_id, name } = user;
	const place = h("div", { role: "status" });
	const show = worker(
		t("code.show"),
		async () => {
			place.replaceChildren(codeToHandOut(name, (await request("admin_show_auth_token", { user_id })).auth_token));
		},
		{ class: "primary" },
	);
	const asking = (key, work) => button(t(key), () => ask(t(key), t(`${key}.sure`, { name }), work), { class: "danger" });
	const replace = async () => {
		place.replaceChildren(codeToHandOut(name, await replaceCode(user_id)));
		return t("code.replaced");
	};
	const remove = async () => {
		await act("admin_delete_user", { user_id });
		shut(dialog);
		return t("member.removed", { name });
	};
	const save = async (member) => {
		await act("admin_update_user", { user_id, ...member });
		return t("member.changed", member);
	};
	const dialog = openDialog(
		name,
		h("div", { class: "actions" }, show.button),
		show.place,
		place,
		h("details", null, h("summary", null, t("member.change")), memberForm(user, t("save"), save)),
		h("details", null, h("summary", null, t("member.danger")), h("div", { class: "actions" }, asking("code.replace", replace), asking("member.remove", remove))),
	);
}

function codeToHandOut(name, code) {
	const url = linkTo(`code=${code}`);
	return h(
		"div",
		{ class: "code" },
		h("output", { "aria-label": t("code.title") }, code),
		h("p", { class: "hint" }, t("code.hint")),
		handOut([[t("code.copyLink"), () => url], [t("code.copy"), () => code]], { share: t("code.share"), title: state.about.name, text: t("code.invitation", { name }), url }),
	);
}

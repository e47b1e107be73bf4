// Logging in and out: everybody who answers on this phone.

import { h, problem } from "../dom.js";
import { t } from "../i18n.js";
import { logIn, logOut, redraw, state } from "../store.js";

const FORM = "login";

export function peopleView() {
  return [
    h("h2", { tabindex: "-1" }, t("people.title")),
    h("ul", { class: "list" }, state.people.map(person)),
    h(
      "form",
      { class: "card", onsubmit: submit },
      h("label", { for: "code" }, t(state.people.length ? "people.another" : "people.code")),
      h("input", {
        id: "code",
        name: "code",
        required: true,
        maxlength: "64",
        autocomplete: "off",
        autocapitalize: "none",
        spellcheck: "false",
        "aria-describedby": "code-hint",
      }),
      h("p", { id: "code-hint", class: "hint" }, t("people.hint")),
      problem(state.errors.get(FORM)),
      h("button", { class: "primary", "aria-busy": String(state.busy.has(FORM)) }, t(state.busy.has(FORM) ? "busy" : "login.title")),
    ),
  ];
}

function person({ code, user }) {
  return h(
    "li",
    { class: "card" },
    h("span", null, h("b", null, user?.name ?? code), " ", h("span", { class: "badge" }, user ? t(`role.${user.role}`) : t("people.unknown"))),
    h("button", { type: "button", "aria-label": `${t("logout.title")}: ${user?.name ?? code}`, onclick: () => logOut({ code, user }) }, t("logout.title")),
  );
}

async function submit(event) {
  event.preventDefault();
  if (state.busy.has(FORM)) return;
  const { code } = event.target.elements;
  state.busy.add(FORM);
  state.errors.delete(FORM);
  redraw();
  const known = await logIn(code.value.trim());
  state.busy.delete(FORM);
  if (known) code.value = "";
  else state.errors.set(FORM, t(state.offline ? "error.connection" : "login.unknown"));
  redraw();
  code.focus();
}

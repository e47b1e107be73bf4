// The page: which view is on screen, what surrounds it, and when the club is fetched anew.

import { h, morph } from "./dom.js";
import { LANGUAGES, choose, language, load, t } from "./i18n.js";
import { announce, codeOf, logIn, onChange, redraw, refresh, start, state } from "./store.js";
import { clock, sessionsView } from "./views/sessions.js";

const REFRESH_MS = 60_000;
const CLOCK_MS = 15_000;

const VIEWS = {
  sessions: { title: "sessions.title", draw: () => sessionsView(codeOf("Coach") && coach) },
  history: { title: "history.title", role: "Coach", file: "./views/history.js", draw: (view) => view.historyView() },
  members: { title: "members.title", role: "Admin", file: "./views/members.js", draw: (view) => view.membersView() },
  people: { title: "people.title", file: "./views/people.js", draw: (view) => view.peopleView() },
};

/** What coaches do, once somebody here is one. */
let coach;

/** Has a module on its way drawn when it is there; tried again at the next drawing if it is not. */
function module(owner, file) {
  owner.loading ??= import(file)
    .then((module) => {
      owner.module = module;
      redraw();
    })
    .catch(() => {
      owner.loading = undefined;
      announce(t("error.connection"));
    });
  return owner.module;
}

const coachModule = {};

function viewName() {
  const name = location.hash.slice(1);
  const view = VIEWS[name];
  return view && (!view.role || codeOf(view.role)) ? name : "sessions";
}

function draw() {
  const name = viewName();
  if (codeOf("Coach")) coach = module(coachModule, "./views/coach.js");
  document.title = `${t(VIEWS[name].title)} – Dojang`;
  patch("nav", navigation(name));
  patch("banner", banner());
  patch("main", content(VIEWS[name]));
}

/** Shows `children` in the element with this id, which stays. */
function patch(id, children) {
  const element = document.getElementById(id);
  const wanted = element.cloneNode(false);
  wanted.append(...[children].flat(2).filter(Boolean));
  morph(element, wanted);
}

function navigation(current) {
  return Object.entries(VIEWS)
    .filter(([, { role }]) => !role || codeOf(role))
    .map(([name, { title }]) =>
      h("a", { href: `#${name}`, "aria-current": name === current && "page" }, t(name === "people" && state.people.length === 0 ? "login.title" : title)),
    );
}

function banner() {
  if (!state.offline) return [];
  const again = h("button", { type: "button", onclick: () => refresh() }, t("retry"));
  return h("p", { class: "banner" }, state.club ? t("offline.since", { time: clock(state.asOf) }) : t("offline.nothing"), " ", again);
}

function content(view) {
  if (!state.club) return state.offline ? [] : h("p", { class: "loading" }, t("loading"));
  if (!view.file) return view.draw();
  const loaded = module(view, view.file);
  return loaded ? view.draw(loaded) : h("p", { class: "loading" }, t("loading"));
}

/** An invitation carries the code in the fragment, which no server sees; nor does the history keep it. */
async function acceptInvitation() {
  const code = new URLSearchParams(location.hash.slice(1)).get("code");
  if (!code) return;
  history.replaceState(null, "", "#people");
  if (!(await logIn(code))) announce(t("login.unknown"));
}

async function changed() {
  await acceptInvitation();
  draw();
  scrollTo(0, 0);
  document.querySelector("#main h2")?.focus();
}

function languageChoice() {
  const select = document.getElementById("language");
  select.append(...Object.entries(LANGUAGES).map(([code, name]) => h("option", { value: code, lang: code }, name)));
  select.value = language;
  select.onchange = async () => {
    await choose(select.value);
    nameTheFrame();
    draw();
  };
}

function nameTheFrame() {
  document.getElementById("language").setAttribute("aria-label", t("language"));
  document.getElementById("nav").setAttribute("aria-label", t("navigation"));
}

async function main() {
  languageChoice();
  await load();
  nameTheFrame();
  onChange(draw);
  draw();
  await start();
  await acceptInvitation();
  draw();
  addEventListener("hashchange", changed);
  addEventListener("online", () => refresh());
  addEventListener("offline", () => refresh());
  document.addEventListener("visibilitychange", () => document.hidden || refresh());
  setInterval(() => document.hidden || refresh(), REFRESH_MS);
  // What depends on the time: which sessions are over, and whose attendance can be taken.
  setInterval(draw, CLOCK_MS);
  serveOffline();
}

/** Nothing but this one file may become a worker (see the Content-Security-Policy). */
function serveOffline() {
  if (!navigator.serviceWorker) return;
  const createScriptURL = () => "sw.js";
  const policy = globalThis.trustedTypes?.createPolicy("worker", { createScriptURL }) ?? { createScriptURL };
  navigator.serviceWorker.register(policy.createScriptURL("")).catch(() => {});
}

main();

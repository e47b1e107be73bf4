// The page: which view is on screen, what surrounds it, and when the club is fetched anew.

import { button, h, morph } from "./dom.js";
import { LANGUAGES, choose, explain, language, load, moment, t } from "./i18n.js";
import { announce, codeOf, logIn, redraw, refresh, start, state } from "./store.js";
import * as sessions from "./views/sessions.js";

const REFRESH_MS = 60_000;
const CLOCK_MS = 15_000;

/** Views by fragment, and whom they are for. Most are loaded when they are needed. */
const VIEWS = { sessions: null, history: "Coach", members: "Admin", people: null };
const modules = { sessions };

/** `undefined` as long as it is on its way. */
function module(name) {
	if (!(name in modules)) {
		modules[name] = undefined;
		import(`./views/${name}.js`).then(
			(module) => {
				modules[name] = module;
				redraw();
			},
			() => {
				delete modules[name];
				announce(t("error.connection"));
			},
		);
	}
	return modules[name];
}

const $ = (id) => document.getElementById(id);
const isFor = (name) => name in VIEWS && (!VIEWS[name] || codeOf(VIEWS[name]));

/** Another view was chosen, and its heading is to have the focus once it is there. */
let isNewView = false;

function draw() {
	const wanted = location.hash.slice(1);
	const name = isFor(wanted) ? wanted : "sessions";
	document.title = `${t(`${name}.title`)} – Dojang`;
	$("language").ariaLabel = t("language");
	$("nav").ariaLabel = t("navigation");
	patch("nav", Object.keys(VIEWS).filter(isFor).map((view) => h("a", { href: `#${view}`, "aria-current": view === name && "page" }, t(`${view}.nav`))));
	patch("banner", state.isOffline && banner());
	const loading = h("p", { class: "loading" }, t("loading"));
	if (!state.club) patch("main", !state.isOffline && loading);
	else patch("main", module(name)?.draw(codeOf("Coach") && module("coach")) ?? loading);
	const heading = document.querySelector("#main h2");
	if (!isNewView || !heading) return;
	isNewView = false;
	scrollTo(0, 0);
	heading.focus();
}

function patch(id, children) {
	const wanted = $(id).cloneNode();
	wanted.append(...[children].flat(3).filter(Boolean));
	morph($(id), wanted);
}

function banner() {
	const text = state.club ? t("offline.since", { time: moment(state.asOf / 1000) }) : t("offline.nothing");
	return h("p", { class: "banner" }, text, button(t("retry"), () => refresh()));
}

/** The code in an invitation's fragment, which does not stay in the browser's history. */
async function acceptInvitation() {
	const code = new URLSearchParams(location.hash.slice(1)).get("code");
	if (!code) return;
	try {
		announce(await logIn(code));
	} catch (error) {
		announce(explain(error));
		// Without a network it stays, for another try.
		if (state.isOffline) return;
	}
	history.replaceState(null, "", "#people");
}

async function navigate() {
	await acceptInvitation();
	isNewView = true;
	draw();
}

/** The Content-Security-Policy permits this one policy: no other file can become a worker. */
function serveOffline() {
	const rules = { createScriptURL: () => "sw.js" };
	const policy = window.trustedTypes?.createPolicy("worker", rules) ?? rules;
	navigator.serviceWorker?.register(policy.createScriptURL("")).catch(() => {});
}

await load();
$("language").append(...Object.entries(LANGUAGES).map(([value, name]) => h("option", { value, lang: value, selected: value === language }, name)));
$("language").onchange = ({ target }) => choose(target.value).then(draw);
addEventListener("hashchange", navigate);
addEventListener("online", () => refresh());
addEventListener("offline", () => refresh());
document.addEventListener("visibilitychange", () => document.hidden || refresh());
setInterval(() => document.hidden || refresh(), REFRESH_MS);
// Whether attendance can be taken depends on the time.
setInterval(draw, CLOCK_MS);
await start(draw);
await acceptInvitation();
draw();
serveOffline();

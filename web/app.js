// Which view is on screen, what surrounds it, and when the club is fetched anew.

import { button, h, morph } from "./dom.js";
import { LANGUAGES, choose, language, load, moment, t } from "./i18n.js";
import { announce, codeOf, logIn, redraw, refresh, run, start, state } from "./store.js";
import * as sessions from "./views/sessions.js";

const REFRESH_MS = 60_000;
const CLOCK_MS = 15_000;

/** Views by fragment, and whom they are for. */
const VIEWS = { sessions: null, history: "Coach", members: "Admin", people: null };
const modules = { sessions };

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
const isFor = (name) => Object.hasOwn(VIEWS, name) && (!VIEWS[name] || codeOf(VIEWS[name]));

/** Its heading is to have the focus once it is there. */
let isNewView = false;

function draw() {
	const wanted = location.hash.slice(1);
	const name = isFor(wanted) ? wanted : "sessions";
	document.title = `${t(`${name}.title`)} – Dojang`;
	$("language").ariaLabel = t("language");
	patch("nav", Object.keys(VIEWS).filter(isFor).map((view) => h("a", { href: `#${view}`, "aria-current": view === name && "page" }, t(`${view}.title`))));
	patch("banner", state.isOffline && banner());
	const loading = h("p", { class: "loading" }, t("busy"));
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

/** The code in the fragment, which does not stay in the browser's history. */
async function acceptInvitation() {
	const code = new URLSearchParams(location.hash.slice(1)).get("code");
	if (!code) return;
	await run("login", () => logIn(code.trim()));
	const error = state.errors.get("login");
	// Without a network it stays, for another try.
	if (error && state.isOffline) return announce(error);
	history.replaceState(null, "", "#people");
}

async function navigate() {
	await acceptInvitation();
	isNewView = true;
	draw();
}

/** The Content-Security-Policy permits this policy alone. */
function serveOffline() {
	const rules = { createScriptURL: () => "sw.js" };
	const policy = window.trustedTypes?.createPolicy("worker", rules) ?? rules;
	navigator.serviceWorker?.register(policy.createScriptURL("")).catch(() => {});
}

await load();
$("language").append(...Object.entries(LANGUAGES).map(([value, name]) => h("option", { value, lang: value, selected: value === language }, name)));
$("language").onchange = ({ target }) => choose(target.value).then(draw);
addEventListener("hashchange", navigate);
for (const event of ["online", "offline"]) addEventListener(event, () => refresh());
const look = () => document.hidden || refresh();
document.addEventListener("visibilitychange", look);
setInterval(look, REFRESH_MS);
// Whether attendance can be taken depends on the time.
setInterval(draw, CLOCK_MS);
await start(draw);
await acceptInvitation();
draw();
serveOffline();

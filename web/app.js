// Which view is on screen, what surrounds it, and when the club is fetched anew.

import { running } from "./api.js";
import { button, h, morph } from "./dom.js";
import { load, moment, t } from "./i18n.js";
import { loadOutbox, sendOutbox } from "./outbox.js";
import { announce, codeOf, forgetClub, outbox, redraw, refresh, start, state } from "./store.js";
import * as sessions from "./views/sessions.js";

running();

const REFRESH_MS = 60_000;
const CLOCK_MS = 15_000;
/** How often a page that is kept open looks for a new version of itself, and how long nobody must have been at work. */
const UPDATE_MS = 3_600_000;
const IDLE_MS = 300_000;

/** Views by fragment, and whom they are for. */
const VIEWS = { sessions: null, history: "Coach", members: "Admin", people: null };
const modules = { sessions };

function module(name) {
	if (!(name in modules)) {
		modules[name] = undefined;
		import(`./views/${name}.js`).then((module) => (modules[name] = module), () => (modules[name] = null)).then(redraw);
	}
	return modules[name];
}

const $ = (id) => document.getElementById(id);
const isFor = (name) => Object.hasOwn(VIEWS, name) && (!VIEWS[name] || codeOf(VIEWS[name]));
const fragment = () => new URLSearchParams(location.hash.slice(1));

/** Its heading is to have the focus once it is there. */
let isNewView = false;

/** Whether it worked. What cannot be shown is forgotten, and the page says so; the next fetch tries again. */
function draw() {
	try {
		paint();
		return true;
	} catch {
		forgetClub();
		try {
			paint();
		} catch {} // The next may.
		return false;
	}
}

function paint() {
	const wanted = location.hash.slice(1);
	const name = isFor(wanted) ? wanted : "sessions";
	document.title = `${t(`${name}.title`)} – ${state.about.name}`;
	patch("club", state.about.name);
	patch("nav", Object.keys(VIEWS).filter(isFor).map((view) => h("a", { href: `#${view}`, "aria-current": view === name && "page" }, t(`${view}.title`))));
	patch("banner", state.trouble && banner());
	const loading = h("p", { class: "loading" }, t("busy"));
	const title = h("h2", { tabindex: "-1" }, t(`${name}.title`));
	const isCoach = codeOf("Coach");
	if (!state.club) patch("main", state.trouble ? title : loading);
	else if (module(name) === null || (isCoach && module("coach") === null)) patch("main", [title, h("p", { class: "banner" }, t("error.part"), button(t("retry"), () => location.reload()))]);
	else patch("main", module(name)?.draw(isCoach && module("coach"), fragment().get("session")) ?? loading);
	const heading = document.querySelector("#main h2");
	if (!isNewView || !heading) return;
	isNewView = false;
	if (fragment().has("session") && sessions.goTo(fragment().get("session"))) return;
	scrollTo(0, 0);
	heading.focus();
}

function patch(id, children) {
	const wanted = $(id).cloneNode();
	wanted.append(...[children].flat(4).filter(Boolean));
	morph($(id), wanted);
}

function banner() {
	const isGone = state.trouble === "error.connection";
	const nothing = state.trouble !== "error.draw" && t("offline.nothing");
	const words = [!isGone && t(state.trouble), state.club ? t(isGone ? "offline.since" : "offline.known", { time: moment(state.asOf / 1000) }) : nothing];
	return h("p", { class: "banner" }, words.filter(Boolean).join(" "), button(t("retry"), () => refresh()));
}

/** The code in the fragment, which does not stay in the browser's history: whose it is is asked before it counts. */
async function acceptInvitation() {
	const code = fragment().get("code");
	if (!code) return;
	const { invite } = await import("./views/people.js").catch(() => ({}));
	// Without a network it stays, for another try.
	if (!invite || !(await invite(code))) return announce(t("error.connection"));
	history.replaceState(null, "", "#people");
}

async function navigate() {
	await acceptInvitation();
	isNewView = true;
	draw();
}

/** In the club's colour and with its name and picture, as far as the page's own files do not say so already. */
function dress() {
	const { name, color, picture } = state.about;
	if (picture) {
		Object.assign($("picture"), { src: picture, hidden: false });
		for (const link of document.querySelectorAll("link[rel$=icon]")) link.href = picture;
	}
	for (const meta of document.querySelectorAll("meta[name$=title]")) meta.content = name;
	if (!color) return;
	document.querySelector("meta[name=theme-color]").content = color;
	const { style } = document.documentElement;
	style.setProperty("--club", color);
	style.setProperty("--accent-light", shade(color, 0, 1));
	style.setProperty("--accent-dark", shade(color, 255, 0.012));
}

/** The colour, mixed with black (0) or white (255) until it can be read with a ground of this luminance. */
function shade(color, towards, ground) {
	const parts = [1, 3, 5].map((at) => Number.parseInt(color.slice(at, at + 2), 16));
	const linear = (part) => (part <= 10 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4);
	for (let share = 0; ; share += 0.05) {
		const mixed = parts.map((part) => Math.round(part + (towards - part) * share));
		const [red, green, blue] = mixed.map(linear);
		const luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05;
		if (share >= 1 || Math.max(luminance / (ground + 0.05), (ground + 0.05) / luminance) >= 6) return `rgb(${mixed})`;
	}
}

// A newer version is taken when nobody is at work on this one.

let isOutdated = false;
let touchedAt = Date.now();
for (const event of ["keydown", "pointerdown", "input"]) addEventListener(event, () => (touchedAt = Date.now()), true);

function update() {
	const isAtWork = document.querySelector("dialog") || outbox.size || state.busy.size || [...document.querySelectorAll("#main input")].some(({ value, defaultValue, type }) => type !== "checkbox" && value !== defaultValue);
	if (isOutdated && !isAtWork && Date.now() - touchedAt > IDLE_MS) location.reload();
}

/** The Content-Security-Policy permits this policy alone. */
async function serveOffline() {
	const worker = navigator.serviceWorker;
	if (!worker) return;
	const rules = { createScriptURL: () => "sw.js" };
	const policy = window.trustedTypes?.createPolicy("worker", rules) ?? rules;
	worker.onmessage = ({ data }) => (isOutdated ||= data === "outdated");
	const registration = await worker.register(policy.createScriptURL(""));
	setInterval(() => {
		registration.update().catch(() => {});
		worker.controller?.postMessage("look");
	}, UPDATE_MS);
}

await load();
// A dialog that a reload has closed.
if (history.state?.dialog) history.replaceState(null, "");
addEventListener("hashchange", navigate);
// A link to where one is goes there again.
addEventListener("click", ({ target }) => target.closest?.('a[href^="#"]')?.hash === location.hash && navigate());
for (const event of ["online", "offline"]) addEventListener(event, () => refresh());
const look = () => document.hidden || refresh();
document.addEventListener("visibilitychange", look);
setInterval(look, REFRESH_MS);
// Whether attendance can be taken depends on the time.
setInterval(() => {
	draw();
	update();
}, CLOCK_MS);
isNewView = fragment().has("session");
loadOutbox();
await start(draw, dress, sendOutbox);
await acceptInvitation();
draw();
serveOffline().catch(() => {});

// Keeps the page on the phone. A visit shows what is kept, and fetches what has changed for the next.
// Each visit keeps to the version that it began with, as long as it lasts.

const FILES = `api.js app.js club.js config.json dialog.js dom.js i18n.js icon.svg icon-180.png
	lang/da.json lang/en.json manifest.webmanifest outbox.js store.js style.css views/attendance.js
	views/calendar.js views/coach.js views/history.js views/invitations.js views/members.js views/menu.js
	views/people.js views/series.js views/sessions.js ./`.split(/\s+/);
const TYPES = { html: /^text\/html/, js: /javascript/, css: /^text\/css/, json: /json/, webmanifest: /json/, svg: /svg/ };

/** The origin may be shared with others. */
const OURS = `dojang ${registration.scope} `;
const kept = async () => (await caches.keys()).filter((name) => name.startsWith(OURS));

/** Those with all files, the newest last: the page comes last, so where it is, all are. */
async function versions() {
	const names = await kept();
	const pages = await Promise.all(names.map((cacheName) => caches.match("./", { cacheName })));
	return names.filter((_, n) => pages[n]);
}

/** Not a page about maintenance, nor what it leads to. */
async function get(file, cache) {
	const answer = await fetch(file, { cache });
	const type = TYPES[file === "./" ? "html" : file.split(".").pop()] ?? /^image\//;
	const isPage = file !== "./" || (await answer.clone().text()).includes("app.js");
	if (!answer.ok || answer.redirected || !type.test(answer.headers.get("Content-Type")) || !isPage) throw new Error(file);
	return answer;
}

const bytes = (answers) => Promise.all(answers.map(async (answer) => String(new Uint8Array(await answer.clone().arrayBuffer()))));
const isSame = (some, others) => some.length === others.length && some.every((one, n) => one === others[n]);

/** All files or none. Whether they are other ones than the newest kept. */
async function look() {
	const newest = (await versions()).pop();
	const cache = newest ? "no-cache" : "default";
	const files = [...FILES];
	// The club's own picture, if it is there.
	const { picture } = await (await get("config.json", cache)).json();
	if (picture && (await get(picture, cache).catch(() => {}))) files.unshift(picture);
	const all = () => Promise.all(files.map((file) => get(file, cache)));
	const answers = await all();
	const content = await bytes(answers);
	if (newest) {
		const before = await Promise.all(files.map((file) => caches.match(file, { cacheName: newest })));
		if (before.every(Boolean) && isSame(content, await bytes(before))) return false;
		// Those of a version that is being put there come to rest first.
		if (!isSame(content, await bytes(await all()))) throw new Error("changing");
	}
	const name = OURS + Date.now();
	const version = await caches.open(name);
	try {
		for (const [n, file] of files.entries()) await version.put(file, answers[n]);
	} catch (error) {
		await caches.delete(name);
		throw error;
	}
	return true;
}

let looking;
/** One after the other: a look that is under way is everybody's. */
const lookOnce = () => (looking ??= look().finally(() => (looking = undefined)));

// Which visit began with which version stands beside its files: this script may end between two requests.

const visit = (id) => `visit/${id}`;
/** Those of some versions that one of these visits began with. */
async function marked(names, ids) {
	const marks = await Promise.all(names.map((cacheName) => Promise.all(ids.map((id) => caches.match(visit(id), { cacheName })))));
	return names.filter((_, n) => marks[n].some(Boolean));
}
const versionOf = async (id) => {
	const all = await versions();
	return (await marked(all, [id]))[0] ?? all[0];
};
const mark = async (id, name) => (await caches.open(name)).put(visit(id), new Response());

/** The newest. */
async function begin(id) {
	const newest = (await versions()).pop();
	if (!newest) return;
	await mark(id, newest);
	await tidy(newest);
	return newest;
}

/** Versions older than the newest that no visit uses go. */
async function tidy(newest) {
	const here = (await clients.matchAll({ includeUncontrolled: true })).map(({ id }) => id);
	const older = (await kept()).filter((name) => name < newest);
	const used = await marked(older, here);
	for (const name of older) if (!used.includes(name)) await caches.delete(name);
}

async function start() {
	// Of the time before they had names.
	for (const name of await caches.keys()) if (/^\d{13}$/.test(name) && (await caches.match("club.js", { cacheName: name }))) await caches.delete(name);
	await clients.claim();
	const all = await versions();
	for (const { id } of await clients.matchAll()) if (all.length && !(await marked(all, [id])).length) await mark(id, all[0]);
}

addEventListener("install", (event) => {
	skipWaiting();
	event.waitUntil(lookOnce());
});
addEventListener("activate", (event) => event.waitUntil(start()));

/** The page that asks is told if it is not the newest. */
addEventListener("message", (event) => {
	const { id } = event.source;
	const work = lookOnce().then(async () => (await versionOf(id)) !== (await versions()).pop() && event.source.postMessage("outdated"));
	event.waitUntil(work.catch(() => {}));
});

addEventListener("fetch", (event) => {
	const { request, clientId, resultingClientId } = event;
	const [url] = request.url.split(/[?#]/);
	if (request.method !== "GET" || !url.startsWith(registration.scope)) return;
	const isVisit = request.mode === "navigate";
	if (isVisit && ![registration.scope, `${registration.scope}index.html`].includes(url)) return;
	const version = isVisit ? begin(resultingClientId) : versionOf(clientId);
	const found = version.then((cacheName) => cacheName && caches.match(isVisit ? "./" : request, { cacheName }));
	event.respondWith(found.catch(() => {}).then((file) => file || fetch(request)));
	// The visit before this one has ended by then.
	if (isVisit) event.waitUntil(found.then(lookOnce).catch(() => {}).then(versions).then((names) => tidy(names.pop())));
});

// Keeps the page on the phone. A visit shows what is kept, and fetches what has changed for the next.

const FILES = `api.js app.js club.js config.json dialog.js dom.js i18n.js icon.svg lang/da.json lang/en.json
	store.js style.css views/coach.js views/history.js views/members.js views/people.js
	views/sessions.js ./`.split(/\s+/);

/** All files or none. The page comes last: where it is, all are. */
async function keep(cache) {
	const answers = await Promise.all(FILES.map((file) => fetch(file, { cache })));
	if (!answers.every(({ ok }) => ok)) throw new Error("a file is missing");
	const kept = await caches.open(Date.now());
	for (const n of FILES.keys()) await kept.put(FILES[n], answers[n]);
}

/** A visit keeps to the files it began with: `caches.match` finds the oldest. */
async function renew() {
	const names = await caches.keys();
	const newest = names.pop();
	if (await caches.match("./", { cacheName: newest })) await Promise.all(names.map((name) => caches.delete(name)));
}

addEventListener("install", (event) => event.waitUntil(keep()));
addEventListener("activate", (event) => event.waitUntil(clients.claim()));

addEventListener("fetch", (event) => {
	const { request } = event;
	if (!request.url.startsWith(location.origin)) return;
	const isVisit = request.mode === "navigate";
	const kept = (isVisit ? renew() : Promise.resolve()).then(() => caches.match(isVisit ? "./" : request));
	event.respondWith(kept.then((file) => file ?? fetch(request)));
	if (isVisit) event.waitUntil(kept.then(() => keep("no-cache")).catch(() => {}));
});

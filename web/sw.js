// Keeps the page on the phone. A visit shows what is kept, and fetches what has changed for the next
// one. The club itself is kept by the page.

const FILES = `./ api.js app.js club.js config.json dialog.js dom.js i18n.js icon.svg lang/da.json lang/en.json
	store.js style.css views/coach.js views/history.js views/members.js views/people.js
	views/sessions.js`.split(/\s+/);

/** All files or none: they belong together. */
async function keep(cache) {
	const answers = await Promise.all(FILES.map((file) => fetch(file, { cache })));
	if (!answers.every(({ ok }) => ok)) throw new Error("a file is missing");
	const kept = await caches.open("page");
	await Promise.all(FILES.map((file, n) => kept.put(file, answers[n])));
}

addEventListener("install", (event) => event.waitUntil(keep()));
addEventListener("activate", (event) => event.waitUntil(clients.claim()));

addEventListener("fetch", (event) => {
	const { request } = event;
	const { origin, pathname } = new URL(request.url);
	if (request.method !== "GET" || origin !== location.origin || pathname.endsWith("/sw.js")) return;
	const isVisit = request.mode === "navigate";
	event.respondWith(caches.match(isVisit ? "./" : request).then((kept) => kept ?? fetch(request)));
	if (isVisit) event.waitUntil(keep("no-cache").catch(() => {}));
});

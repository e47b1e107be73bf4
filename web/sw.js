// Keeps the page on the phone, so that it opens at once and without a network. The club itself is kept
// by the page (store.js).
//
// All files are kept together, one version of all: a visit shows the kept version, and fetches what has
// changed for the next one. `config.json` is a file like the others.

const FILES = [
  "api.js", "app.js", "club.js", "config.json", "dialog.js", "dom.js", "i18n.js", "icon.svg", "lang/da.json",
  "lang/en.json", "manifest.webmanifest", "people.js", "store.js", "style.css", "views/coach.js",
  "views/attendance.js", "views/history.js", "views/members.js", "views/people.js", "views/sessions.js",
  // The last: a version with it is complete.
  "./",
];
const PREFIX = "page-";

self.addEventListener("install", (event) => {
  self.skipWaiting();
  event.waitUntil(keep("default"));
});

self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET" || new URL(request.url).origin !== location.origin) return;
  if (request.mode === "navigate") {
    const chosen = version(true);
    event.respondWith(chosen.then((cache) => cache?.match("./")).then((kept) => kept ?? fetch(request)));
    event.waitUntil(chosen.then(() => keep("no-cache")).catch(() => {}));
  } else {
    event.respondWith(serve(request));
  }
});

async function serve(request) {
  const kept = await (await version())?.match(request, { ignoreSearch: true });
  return kept ?? fetch(request);
}

let current;

/** The version in use. At the start of a visit that is the newest complete one, and the others go. */
async function version(isNewVisit) {
  if (current && !isNewVisit) return current;
  const names = (await caches.keys()).filter((name) => name.startsWith(PREFIX)).sort().reverse();
  for (const [place, name] of names.entries()) {
    const cache = await caches.open(name);
    if (!(await cache.match("./"))) continue;
    await Promise.all(names.slice(place + 1).map((old) => caches.delete(old)));
    current = cache;
    return cache;
  }
}

/** Fetches all files; a version of its own if any of them has changed. */
async function keep(mode) {
  const answers = await Promise.all(FILES.map((file) => fetch(file, { cache: mode })));
  if (answers.some((answer) => !answer.ok)) throw new Error("a file is missing");
  const last = await version();
  const kept = await Promise.all(FILES.map((file) => last?.match(file)));
  const tag = (answer) => answer?.headers.get("etag");
  if (answers.every((answer, place) => tag(answer) && tag(answer) === tag(kept[place]))) return;
  const cache = await caches.open(`${PREFIX}${Date.now()}`);
  for (const [place, file] of FILES.entries()) await cache.put(file, answers[place]);
}

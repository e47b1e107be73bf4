// What nobody should send, and somebody will: each of it leaves a page that says something and that works when the
// cause is gone, and no uncaught error.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { basics, card, choices, idOf, inOrder, startSite } from "./site.js";

let site;
before(async () => (site = await startSite()));
beforeEach(() => site.reset());
afterEach(() => site.leave());
after(() => site.stop());

const HTML = { contentType: "text/html", body: "<!doctype html><title>Log in to the network</title>" };
const json = (value) => ({ contentType: "application/json", body: JSON.stringify(value) });
const text = (body) => ({ contentType: "application/json", body });
const isThere = (page) => page.waitForFunction(() => document.querySelector("#main h2")?.textContent && document.querySelectorAll("nav a").length > 1);
/** A phone whose file `path` is what `now.answer` says, if it does. */
async function visitWith(path, now, options) {
  const prepare = (page) => page.route(path, (route) => (now.answer ? route.fulfill(now.answer) : route.continue()));
  return site.visit({ ...options, prepare });
}

test("config.json of any kind: words if the addresses are of no use, and else what is of no use is passed over", async () => {
  const now = {};
  const page = await visitWith("**/config.json", now, { faults: true });
  const faults = [];
  page.on("pageerror", (error) => faults.push(String(error)));
  const addresses = { functionUrl: site.functionUrl, dataUrl: site.dataUrl };
  const useless = [text(""), text("{"), json(null), json([]), json("x"), json(7), HTML, { status: 404, body: "" }, { status: 500, body: "" }, json({}), json({ ...addresses, functionUrl: 7 }), json({ ...addresses, dataUrl: "http://[" }), json({ ...addresses, dataUrl: " " })];
  for (const answer of useless) {
    now.answer = answer;
    await page.reload();
    await isThere(page);
    await page.getByText("This page is not set up correctly (config.json).").waitFor();
    assert.equal(await page.title(), "Sessions – Dojang");
  }
  const odd = [
    { name: {}, color: 7, picture: [], timeZone: null },
    { name: "", color: "red;}", picture: "http://[", timeZone: "Mars/Base" },
    { name: " ", color: "#12345", picture: "https://elsewhere.example/x.png", timeZone: "" },
    { color: "#7a1f2b}*{display:none", picture: "data:image/png;base64,AAAA", timeZone: ["UTC"] },
    { picture: "javascript:alert(1)", timeZone: "__proto__" },
    JSON.parse('{"__proto__": {"name": "Other"}, "constructor": 7}'),
  ];
  for (const more of odd) {
    now.answer = json({ ...addresses, ...more });
    await page.reload();
    await page.getByRole("article").first().waitFor();
    assert.equal(await page.title(), "Sessions – Dojang", JSON.stringify(more));
    assert.ok(await page.locator("#picture").isHidden());
  }
  for (const name of ["🥋".repeat(30), "\u202eojoD", "W".repeat(60), "<b>x</b>", "مدرسة التايكوندو"]) {
    now.answer = json({ ...addresses, name });
    await page.reload();
    await page.getByRole("article").first().waitFor();
    assert.equal(await page.title(), `Sessions – ${name}`);
    assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= 390, name);
  }
  assert.deepEqual(faults, []);
});

test("language files of any kind: the page is there, and has its words when they are", async () => {
  const now = {};
  const page = await visitWith("**/lang/*.json", now, { locale: "da-DK", faults: true });
  const faults = [];
  page.on("pageerror", (error) => faults.push(String(error)));
  for (const answer of [HTML, text("{"), json(null), json([1]), json("x"), json({ "sessions.title": null, "answer.Yes": {} }), text('{"__proto__": {"busy": 1}}'), { status: 503, body: "" }]) {
    now.answer = answer;
    await page.reload();
    await isThere(page);
    await page.getByRole("article").first().waitFor();
  }
  now.answer = undefined;
  await page.reload();
  await page.getByRole("heading", { name: "Træninger", level: 2 }).waitFor();
  assert.deepEqual(faults, []);
});

/** Changes of a club that is otherwise well, and how many of its three sessions are there then. */
const CLUBS = {
  "ids that objects have by nature": [4, (club) => {
    for (const id of ["constructor", "toString", "hasOwnProperty", "valueOf"]) club.users[id] = { user_id: id, name: `The ${id}`, role: "Student", auth_token: "" };
    const [one] = inOrder(club);
    club.sessions.constructor = { ...one, session_id: "constructor", coach: "toString", participation: { constructor: "Yes", valueOf: "No" } };
  }],
  "times before our era, before 1970 and of 1926": [3, (club) => {
    for (const [n, start] of [-9e10, -1, -1.39e9].entries()) club.sessions[`old-${n}`] = { ...inOrder(club)[0], start_time: start, end_time: start + 5400 };
  }],
  "an end before the start, none, and a session of 3,000 years": [5, (club) => {
    const one = inOrder(club)[0];
    club.sessions.backwards = { ...one, start_time: one.start_time + 9e6, end_time: one.start_time + 8e6 };
    club.sessions.point = { ...one, start_time: one.end_time + 9e6, end_time: one.end_time + 9e6 };
    club.sessions.long = { ...one, start_time: 0, end_time: 9.9e10 };
    club.sessions.never = { ...one, end_time: "Infinity" };
    delete club.sessions[one.session_id];
  }],
  "names of emoji, of one family of emoji, from right to left, with line breaks, empty, of 20,000 letters": [3, (club) => {
    const names = ["🥋🥋🥋", "👩‍👩‍👧‍👦", "\u202etxt.exe", "محمد", "a\nb\r\nc", "", "   ", "\u200b", "x".repeat(20_000), "\0", "\ufffe\ud800"];
    for (const [n, name] of names.entries()) club.users[`odd-${n}`] = { name, role: "Student", auth_token: "" };
    for (const session of Object.values(club.sessions)) for (const n of names.keys()) session.participation[`odd-${n}`] = "Yes";
  }],
  "all with one id, one name, one hash": [3, (club) => {
    for (const user of Object.values(club.users)) Object.assign(user, { user_id: "same", name: "Same", auth_token: "same" });
    for (const session of Object.values(club.sessions)) session.session_id = "same";
  }],
  "3,000 members who all said yes": [3, (club) => {
    for (let n = 0; n < 3000; n++) club.users[`m-${n}`] = { name: `Member ${n}`, role: "Student", auth_token: "" };
    for (const session of Object.values(club.sessions)) session.participation = Object.fromEntries(Object.keys(club.users).map((id) => [id, "Yes"]));
  }],
  "comments that are no text, many links, and a link that is none": [3, (club) => {
    const comments = [{ toString: 1 }, "https://a.example/ ".repeat(500), `https://[ https://${".".repeat(9000)} https://x/${"(".repeat(9000)}`];
    for (const [n, session] of inOrder(club).entries()) session.comment = comments[n];
  }],
  "answers that are lists, tables and numbers, of people who are nobody": [3, (club) => {
    const all = [[], ["Yes"], { x: {}, y: ["Yes"], z: 1, "": "Yes", " ": "No", nobody: "Maybe" }];
    for (const [n, session] of inOrder(club).entries()) session.participation = all[n];
  }],
  "roles and states that do not exist": [3, (club) => {
    for (const user of Object.values(club.users)) user.role = ["Admin"];
    for (const session of Object.values(club.sessions)) session.state = { cancelled: true };
  }],
};

test("clubs of any kind, in all views, for a coach", async () => {
  const club = await site.club();
  const now = {};
  const page = await visitWith(site.dataUrl, now, { who: ["Grandmaster Oh", "Emil"] });
  for (const [kind, [cards, change]] of Object.entries(CLUBS)) {
    const copy = structuredClone(club);
    change(copy);
    now.answer = json(copy);
    await page.evaluate(() => (location.hash = "#sessions"));
    await page.reload();
    await page.waitForFunction((cards) => document.querySelectorAll("#coming article").length === cards, cards).catch(async () => assert.fail(`${kind}: ${await page.locator("#coming article").count()} cards, not ${cards}`));
    for (const counts of await page.locator(".counts").all()) await counts.click();
    for (const view of ["people", "members", "history", "sessions"]) {
      await page.evaluate((view) => (location.hash = `#${view}`), view);
      await isThere(page);
      assert.equal(await page.getByText("The page cannot show what arrived.").count(), 0, `${kind}, ${view}`);
    }
    assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= 390, kind);
  }
  now.answer = json(club);
  await page.reload();
  await page.getByRole("group", { name: "Emil" }).first().waitFor();
});

test("kept things of the right kind and impossible content", async () => {
  const page = await site.visit({ faults: true });
  const faults = [];
  page.on("pageerror", (error) => faults.push(String(error)));
  const club = await site.club();
  const session = basics(club);
  const all = [
    { lastKnown: { club, asOf: 1e300 } },
    { lastKnown: { club, asOf: -1e300 } },
    { codes: Array(5000).fill("x".repeat(50)) },
    { codes: ["", "\0", "__proto__", "😀", "x".repeat(100_000)] },
    { names: { constructor: { id: "__proto__", name: "" } }, codes: ["gone"] },
    { outbox: [["12345678", { sessions: { __proto__: null, nowhere: "Yes" }, users: ["constructor"] }], ["12345678", { sessions: {}, users: [] }]] },
    { [`draft ${session.session_id}`]: { ids: ["constructor", "", "nobody"], base: ["gone"] } },
    // As it was once kept.
    { [`draft ${session.session_id}`]: ["constructor", "", "nobody"] },
    { language: "constructor", separator: "constructor" },
  ];
  // As it is, and where nothing else can be reached.
  for (const isOffline of [false, true]) {
    await page.unrouteAll();
    if (isOffline) await page.route(site.dataUrl, (route) => route.abort());
    for (const kept of all) {
      await page.evaluate(([kept, club]) => {
        localStorage.clear();
        for (const [key, value] of Object.entries({ lastKnown: { club, asOf: 0 }, ...kept })) localStorage.setItem(key, JSON.stringify(value));
      }, [kept, club]);
      await page.reload();
      await isThere(page);
      // A time that is none is no last known club: there are only words then.
      if (!isOffline || !(Math.abs(kept.lastKnown?.asOf) > 1e14)) await page.getByRole("article").first().waitFor();
      assert.equal(await page.getByText("The page cannot show what arrived.").count(), 0, JSON.stringify(kept).slice(0, 80));
    }
  }
  assert.deepEqual(faults, []);
});

test("addresses with fragments of any kind", async () => {
  const page = await site.visit();
  for (const hash of ["#session=", "#session=__proto__", "#session=%E0%A4%A", '#session="><img src=x>', "#session=a&session=b", "#constructor", "#__proto__", "#code=", "#code=%00", `#code=${"x".repeat(50_000)}`, "#history", "#members", "##", "#%"]) {
    await page.goto(`${site.url}/${hash}`);
    await isThere(page);
    await page.reload();
    await isThere(page);
  }
});

test("what the function answers, of any kind: words of ours, and the history is there when it is", async () => {
  const now = {};
  const page = await visitWith(site.functionUrl, now, { who: ["Coach Mette", "Emil"], hash: "#history" });
  await page.getByRole("table").waitFor();
  const show = page.getByRole("button", { name: "Show" });
  const answers = [{ x: null }, { x: { session: null, participants: [] } }, { x: { session: { start_time: 1e300 }, participants: [] } }, { x: { session: { start_time: 1 }, participants: 7 } }, { x: { session: { start_time: 1 }, participants: { length: 1e9 } } }, [], [null]];
  for (const answer of answers) {
    now.answer = { ...json(answer), headers: { "Access-Control-Allow-Origin": "*" } };
    await show.click();
    await page.getByText("Nothing was recorded.").waitFor();
  }
  now.answer = { ...json({ x: { session: { start_time: 1e9 }, participants: [null, 7, {}, "__proto__", "gone", idOf(await site.club(), "Emil")] } }), headers: { "Access-Control-Allow-Origin": "*" } };
  await show.click();
  await page.getByRole("table").waitFor();
  assert.equal(await page.locator("tfoot td").last().innerText(), "2");

  // An answer without what it should have.
  now.answer = { ...json({}), headers: { "Access-Control-Allow-Origin": "*" } };
  const [session] = inOrder(await site.club());
  await page.getByRole("link", { name: "Sessions" }).click();
  await card(page, session).getByRole("button", { name: /^More:/ }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete", exact: true }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete", exact: true }).click();
  await page.getByRole("button", { name: "Undo" }).click();
  await page.getByText("Something else answered in place of the club’s server").first().waitFor();
  await choices(page, session, "Emil").getByRole("button", { name: "No", exact: true }).click();
  await page.getByText("Emil: No").waitFor();
});

test("a browser of 2022 (as Safari 16 on phones that get no newer one) is enough", async () => {
  const session = basics(await site.club());
  const { session_id, start_time, end_time, coach } = session;
  await site.post("coach_update_training_session", { auth_token: site.codes["Coach Hana"], session_id, start_time, end_time, coach, comment: "See https://example.com/list." });
  const prepare = (page) =>
    page.addInitScript(() => {
      const young = [
        [URL, "canParse", "parse"],
        [String.prototype, "toWellFormed", "isWellFormed"],
        [Promise, "withResolvers", "try"],
        [Object, "groupBy"],
        [Map, "groupBy"],
        [Array, "fromAsync"],
        [Array.prototype, "toSorted", "toReversed", "toSpliced", "with"],
        [Set.prototype, "union", "intersection", "difference", "isSubsetOf"],
        [Iterator.prototype, "map", "filter", "some", "every", "find", "toArray"],
        [AbortSignal, "any"],
        [Uint8Array.prototype, "toHex", "toBase64"],
        [RegExp, "escape"],
      ];
      for (const [place, ...names] of young) for (const name of names) delete place[name];
    });
  const page = await site.visit({ who: ["Grandmaster Oh", "Emil"], prepare });
  await card(page, session).getByRole("link", { name: "https://example.com/list" }).waitFor();
  await choices(page, session, "Emil").getByRole("button", { name: "No", exact: true }).click();
  await page.getByText("Emil: No").waitFor();
  await page.getByRole("link", { name: "History" }).click();
  await page.getByRole("table").waitFor();
  await page.getByRole("link", { name: "Members" }).click();
  await page.getByRole("button", { name: "Amir" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Invite" }).click();
  await page.getByRole("dialog").getByLabel("Login code", { exact: true }).waitFor();
});

test("where the browser has no clipboard it says so", async () => {
  const page = await site.visit({ prepare: (page) => page.addInitScript(() => Object.defineProperty(navigator, "clipboard", { value: undefined })) });
  const [session] = inOrder(await site.club());
  await card(page, session).getByRole("button", { name: /^More:/ }).click();
  await page.getByRole("button", { name: "Copy link" }).click();
  await page.getByRole("alert").filter({ hasText: "The browser does not permit it." }).waitFor();
});

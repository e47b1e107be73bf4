// Whatever was kept or is fetched: never a blank page, never an uncaught error.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { actions, basics, card, choices, idOf, inOrder, menu, startSite, until } from "./site.js";

let site;
before(async () => (site = await startSite()));
beforeEach(() => site.reset());
afterEach(() => site.leave());
after(() => site.stop());

const MUTATIONS = 120;
const SEED = 20261126;

/** Numbers from 0 to 1, the same every time (mulberry32). */
function random(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let x = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}

const HOSTILE = [null, true, 0, -1, 1e300, -1e15, 0.5, 2 ** 53, "", "x", "__proto__", "constructor", "\ud83d", "<img src=x onerror=alert(1)>", "\u202e", "x".repeat(20_000), [], [null], {}, { toString: 1 }];

/** One place of the club, anywhere in it, is missing, another value, or stands under another name. */
function mutated(club, next) {
  const copy = structuredClone(club);
  let parent = { root: copy };
  let key = "root";
  for (let depth = 0; depth < 5; depth++) {
    const value = parent[key];
    if (value === null || typeof value !== "object" || (depth > 0 && next() < 0.2)) break;
    const keys = Object.keys(value);
    if (!keys.length) break;
    [parent, key] = [value, keys[Math.floor(next() * keys.length)]];
  }
  const way = next();
  if (way < 0.25) delete parent[key];
  else if (way < 0.35) Object.defineProperty(parent, "__proto__", { value: parent[key], enumerable: true });
  else parent[key] = HOSTILE[Math.floor(next() * HOSTILE.length)];
  return parent.root ?? copy;
}

/** What a person sees of a page that is not blank. */
const isThere = (page) => page.waitForFunction(() => document.querySelector("#main h2")?.textContent && document.querySelectorAll("nav a").length > 1);

test(`${MUTATIONS} mutated data.json: no blank page, no uncaught error, and all is well when it is`, async () => {
  const club = await site.club();
  const next = random(SEED);
  let now = club;
  const page = await site.visit({ who: ["Grandmaster Oh", "Emil"], prepare: (page) => page.route(site.dataUrl, (route) => route.fulfill({ json: now })) });
  const fetched = () => page.waitForResponse(site.dataUrl);
  for (let n = 0; n < MUTATIONS; n++) {
    now = mutated(club, next);
    const answered = fetched();
    // In turns while the page is open, and at a visit that finds the last one kept.
    if (n % 2) await page.reload();
    else await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
    await answered;
    await isThere(page);
    if (n % 10 === 0) {
      for (const view of ["people", "members", "history", "sessions"]) {
        await page.evaluate((view) => (location.hash = `#${view}`), view);
        await isThere(page);
      }
    }
  }
  now = club;
  await page.reload();
  await page.getByRole("group", { name: "Emil" }).first().waitFor();
  assert.equal(await page.getByRole("article").count(), 3);
});

test("those of the issue: no name, an impossible time, no users; and no club at all", async () => {
  const club = await site.club();
  let now = club;
  const [id] = Object.keys(club.sessions);
  const nameless = structuredClone(club);
  for (const name of ["Amir", "Carlos"]) delete nameless.users[idOf(club, name)].name;
  const timeless = structuredClone(club);
  timeless.sessions[id].end_time = 1e300;
  const page = await site.visit({ prepare: (page) => page.route(site.dataUrl, (route) => route.fulfill({ body: JSON.stringify(now), contentType: "application/json" })) });
  for (const [data, cards] of [[nameless, 3], [timeless, 2]]) {
    now = data;
    await page.reload();
    await page.waitForFunction((cards) => document.querySelectorAll("article").length === cards, cards);
  }
  // What is no club does not replace the last one known, and is not kept.
  for (const data of [{ sessions: club.sessions }, { users: [], sessions: {} }, [], "x", null, 7]) {
    now = data;
    await page.reload();
    await page.getByText("What arrived is not the club’s data.").waitFor();
    assert.equal(await page.getByRole("article").count(), 2);
  }
  now = club;
  await page.getByRole("button", { name: "Try again" }).click();
  await page.waitForFunction(() => document.querySelectorAll("article").length === 3);
});

test("kept things of any shape do not keep the page from coming up", async () => {
  const page = await site.visit();
  for (const value of ["{", "null", "7", '"x"', "[]", "{}", '{"club":{}}', '{"club":{"users":null,"sessions":7},"asOf":"x"}', '[{"a":1}]', "[[]]", '[["12345678",{"sessions":null,"users":null}]]']) {
    await page.evaluate((value) => Object.assign(localStorage, { codes: value, names: value, lastKnown: value, outbox: value, language: value, separator: value }), value);
    await page.reload();
    await page.getByRole("article").first().waitFor();
  }
});

/** No card can be drawn as long as `window.isBroken`. */
const breakCards = () => {
  const create = document.createElement.bind(document);
  window.isBroken = true;
  document.createElement = (tag) => {
    if (window.isBroken && tag === "article") throw new Error("broken");
    return create(tag);
  };
};

test("a page that cannot draw says so, forgets what it kept and tries again", async () => {
  const page = await site.visit({ prepare: (page) => page.clock.install() });
  await page.evaluate(breakCards);
  await site.post("coach_update_training_session", { auth_token: site.codes["Coach Hana"], session_id: basics(await site.club()).session_id, session_state: "cancelled" });
  await page.clock.runFor(61_000);
  const words = page.getByRole("status").filter({ hasText: "The page cannot show what arrived." });
  await words.waitFor();
  assert.equal(await page.evaluate(() => localStorage.lastKnown), undefined);
  // It goes on saying so, and so does a visit that begins with it.
  await page.clock.runFor(40_000);
  assert.ok(await words.isVisible());
  await page.addInitScript(breakCards);
  await page.reload();
  await words.waitFor();
  await page.clock.runFor(40_000);
  assert.ok(await words.isVisible());
  assert.equal(await page.getByText("One moment").count(), 0);
  await page.evaluate(() => (window.isBroken = false));
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByRole("article").first().waitFor();
  assert.equal(await words.count(), 0);
});

for (const [name, script] of [
  ["blocked", () => Object.defineProperty(window, "localStorage", { get: () => { throw new DOMException("blocked", "SecurityError"); } })],
  ["full", () => (Storage.prototype.setItem = () => { throw new DOMException("full", "QuotaExceededError"); })],
]) {
  test(`storage that is ${name}: looking works, and one is logged in for this visit`, async () => {
    const page = await site.visit({ who: [], prepare: (page) => page.addInitScript({ content: `if (!window.once) { window.once = 1; (${script})(); }` }), faults: true });
    await page.getByRole("article").first().waitFor();
    await page.getByRole("link", { name: "You" }).click();
    await page.getByRole("textbox").fill(site.codes.Emil);
    await page.getByRole("button", { name: "Log in" }).click();
    await page.getByRole("status").filter({ hasText: "Logged in: Emil. This browser keeps nothing: you are logged in for this visit only." }).waitFor();
    await page.getByRole("group", { name: "Emil" }).first().getByRole("button", { name: "Yes" }).click();
    await page.getByRole("status").filter({ hasText: "Emil: Yes" }).waitFor();
    await page.getByRole("link", { name: "You" }).click();
    await page.getByText("you are logged in for this visit only").waitFor();
  });
}

test("forced colours: the own answer and the current view can be told apart; a chosen button has a tick", async () => {
  const page = await site.visit({ who: ["Amir"], forcedColors: "active" });
  const look = (locator) => locator.evaluate((element) => [getComputedStyle(element).borderTopWidth, getComputedStyle(element, "::before").content]);
  const amirs = choices(page, basics(await site.club()), "Amir");
  const [chosen, tick] = await look(amirs.locator('[aria-pressed="true"]'));
  const [other, none] = await look(amirs.locator('[aria-pressed="false"]').first());
  assert.deepEqual([chosen, other], ["3px", "1px"]);
  assert.match(tick, /✓/);
  assert.equal(none, "none");
  assert.equal((await look(page.locator("nav [aria-current]")))[0], "3px");
});

test("attendance: ticks outlast Escape, the ✕, Back and a reload, until they are saved or discarded", async () => {
  const [session] = inOrder(await site.club());
  const page = await site.visit({ who: ["Coach Mette"] });
  const dialog = page.getByRole("dialog");
  const open = () => card(page, session).getByRole("button", { name: "Take attendance" }).click();
  await open();
  await dialog.getByRole("checkbox", { name: "Dagny" }).check();
  for (const leave of [() => page.keyboard.press("Escape"), () => dialog.getByRole("button", { name: "Close" }).click(), () => page.goBack(), () => page.reload()]) {
    await leave();
    await dialog.waitFor({ state: "detached" });
    await open();
    await dialog.getByText("These are your ticks from before").waitFor();
    assert.ok(await dialog.getByRole("checkbox", { name: "Dagny" }).isChecked());
    await dialog.getByText("4 of 10 present").waitFor();
  }
  await dialog.getByRole("button", { name: "Discard" }).click();
  await dialog.getByText("3 of 10 present").waitFor();
  await dialog.getByRole("checkbox", { name: "Fatima" }).check();
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.waitFor({ state: "detached" });
  assert.equal(await page.evaluate(() => Object.keys(localStorage).filter((key) => key.startsWith("draft")).length), 0);
});

test("two coaches take attendance of one session: the second sees both and decides", async () => {
  const club = await site.club();
  const [session] = inOrder(club);
  const page = await site.visit({ who: ["Coach Mette"] });
  await card(page, session).getByRole("button", { name: "Take attendance" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("checkbox", { name: "Emil" }).check();
  const others = ["Amir", "Birgitte"].map((name) => idOf(club, name));
  await site.post("coach_register_participation", { auth_token: site.codes["Coach Hana"], session_id: session.session_id, participants: others });
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.getByRole("alert").filter({ hasText: "Another coach has saved meanwhile." }).waitFor();
  assert.equal((await dialog.locator(".conflict").innerText()).replace(/\s+/g, " "), "Only the other Birgitte Only you Carlos, Coach Mette, Emil");
  await dialog.getByRole("button", { name: "Both together" }).click();
  await dialog.getByText("5 of 10 present").waitFor();
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.waitFor({ state: "detached" });
  const period = { start_time: session.start_time, end_time: session.start_time + 1 };
  const history = await site.post("coach_get_historical_participation", { auth_token: site.codes["Coach Hana"], ...period });
  const names = history[session.session_id].participants.map((id) => club.users[id].name).sort();
  assert.deepEqual(names, ["Amir", "Birgitte", "Carlos", "Coach Mette", "Emil"]);
});

test("ticks that were kept while another coach saved: both are shown then, too", async () => {
  const club = await site.club();
  const [session] = inOrder(club);
  const page = await site.visit({ who: ["Coach Mette"] });
  const dialog = page.getByRole("dialog");
  await card(page, session).getByRole("button", { name: "Take attendance" }).click();
  await dialog.getByRole("checkbox", { name: "Emil" }).check();
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  await site.post("coach_register_participation", { auth_token: site.codes["Coach Hana"], session_id: session.session_id, participants: [idOf(club, "Birgitte")] });
  await page.reload();
  await card(page, session).getByRole("button", { name: "Change attendance" }).click();
  await dialog.getByText("These are your ticks from before").waitFor();
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.getByRole("alert").filter({ hasText: "Another coach has saved meanwhile." }).waitFor();
  assert.equal((await dialog.locator(".conflict").innerText()).replace(/\s+/g, " "), "Only the other Birgitte Only you Emil, Amir, Carlos, Coach Mette");
  await dialog.getByRole("button", { name: "Discard" }).click();
  await dialog.getByText("1 of 10 present").waitFor();
});

test("Back closes the dialog, and asks if something was typed", async () => {
  const page = await site.visit({ who: ["Coach Mette"], hash: "#people" });
  await page.getByRole("link", { name: "Sessions" }).click();
  const dialog = page.getByRole("dialog");
  await menu(page, basics(await site.club()), "Change");
  await dialog.getByLabel("Comment").waitFor();
  await page.goBack();
  await dialog.waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Add sessions" }).click();
  await dialog.getByLabel("Comment").fill("typed");
  await page.goBack();
  const question = page.getByRole("dialog", { name: "Discard what you typed?" });
  await question.getByRole("button", { name: "Go on" }).click();
  await question.waitFor({ state: "detached" });
  assert.equal(await dialog.getByLabel("Comment").inputValue(), "typed");
  await page.goBack();
  await question.getByRole("button", { name: "Discard" }).click();
  await dialog.waitFor({ state: "detached" });
  assert.equal(new URL(page.url()).hash, "#sessions");
  await page.waitForFunction(() => !history.state?.dialog);
  // There is nothing to go forward to.
  await page.evaluate(() => new Promise((resolve) => [addEventListener("popstate", resolve, { once: true }), history.forward()]).then(() => {}));
  await page.waitForFunction(() => !history.state?.dialog);
  await page.goBack();
  await page.waitForFunction(() => location.hash === "#people");
});

/** A server of one's own in the place of the function or the data: what it answers is up to the test. */
async function instead(answer) {
  const asked = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => (body += chunk));
    request.on("end", () => {
      if (request.method === "POST") asked.push(JSON.parse(body));
      answer(request, response);
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const stop = () => new Promise((resolve) => [server.close(resolve), server.closeAllConnections()]);
  return { url: `http://127.0.0.1:${server.address().port}/`, asked, stop };
}

test("whose fault it is: throttled, refused, at fault, elsewhere, not ours, gone", async () => {
  const session = basics(await site.club());
  let status, type, headers, body;
  const server = await instead((request, response) => {
    if (request.method === "OPTIONS") return response.writeHead(200, { "Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": "Content-Type" }).end();
    response.writeHead(status, { "Content-Type": type, ...headers }).end(body);
  });
  try {
    // The policy names the real function.
    const prepare = (page) => page.route("**/config.json", (route) => route.fulfill({ json: { functionUrl: server.url, dataUrl: site.dataUrl } }));
    const page = await site.visit({ who: ["Birgitte"], faults: true, bypassCSP: true, prepare });
    const group = choices(page, session, "Birgitte");
    const cors = { "Access-Control-Allow-Origin": "*" };
    for (const [words, ...answer] of [
      ["The club’s server is too busy", 429, "application/json", cors, "{}"],
      ["The club’s server is too busy", 503, "text/html", cors, "<h1>Busy</h1>"],
      ["The club’s server refuses this.", 403, "application/json", cors, '{"Message":null}'],
      ["The server has a problem.", 502, "text/html", cors, "<h1>Bad Gateway</h1>"],
      ["The club’s server is not where it should be.", 404, "text/html", cors, "<h1>Not Found</h1>"],
      ["Something else answered", 200, "text/html", cors, "<h1>Log in to the hotel</h1>"],
    ]) {
      [status, type, headers, body] = answer;
      server.asked.length = 0;
      await group.getByRole("button", { name: "No", exact: true }).click();
      await group.getByRole("alert").filter({ hasText: words }).waitFor();
      if ([429, 503].includes(status)) {
        assert.equal(server.asked.length, 2);
        assert.deepEqual(server.asked[0], server.asked[1]);
      }
    }
    // Lambda's own 429 lacks the header that lets a page read it.
    [status, type, headers, body] = [429, "application/json", {}, '{"Reason":"ReservedFunctionConcurrentInvocationLimitExceeded"}'];
    await group.getByRole("button", { name: "No", exact: true }).click();
    await page.getByText("The club’s server is too busy or refuses this page.").first().waitFor();
    await group.getByText("Not sent yet").waitFor();
    await server.stop();
    await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
    await page.getByText("The network works, but no answer arrived from the club’s server.").first().waitFor();
  } finally {
    await server.stop();
  }
});

test("an answer that was given offline is kept, sent when the network is back, and shown as not sent yet", async () => {
  const club = await site.club();
  const session = basics(club);
  const emil = idOf(club, "Emil");
  const page = await site.visit({ who: ["Emil"], faults: true });
  const sent = actions(site, page);
  await page.context().setOffline(true);
  const emils = choices(page, session, "Emil");
  await emils.getByRole("button", { name: "Yes" }).click();
  await emils.getByText("Not sent yet").waitFor();
  // So is the next one, which waits for the first.
  const other = inOrder(club).find(({ session_id }) => session_id !== session.session_id);
  await choices(page, other, "Emil").getByRole("button", { name: "No", exact: true }).click();
  await choices(page, other, "Emil").getByText("Not sent yet").waitFor();
  await page.context().setOffline(false);
  await until(site, ({ sessions }) => sessions[session.session_id].participation[emil] === "Yes");
  await until(site, ({ sessions }) => sessions[other.session_id].participation[emil] === "No");
  await page.getByText("Not sent yet").first().waitFor({ state: "detached" });
  assert.equal(new Set(sent.map(({ operation_id }) => operation_id)).size, 2);

  // It outlasts the page.
  await page.route(site.functionUrl, (route) => route.abort());
  await emils.getByRole("button", { name: "No", exact: true }).click();
  await emils.getByText("Not sent yet").waitFor();
  await page.unroute(site.functionUrl);
  await page.reload();
  await until(site, ({ sessions }) => sessions[session.session_id].participation[emil] === "No");
});

test("a code may be pasted with blanks, line breaks or a full stop, or as its link or message", async () => {
  const page = await site.visit();
  const { Emil } = site.codes;
  for (const pasted of [`${Emil}.`, ` ${Emil.slice(0, 4)} ${Emil.slice(4)} `, `${site.url}/#code=${Emil}`, `Emil, this link logs you in: ${site.url}/#code=${Emil}.`, `Code: ${Emil}, welcome!`, `“${Emil}”`, `\u200b${Emil}\u00a0`, `${site.url}/#code=${Emil.slice(0, 5)}\r\n> ${Emil.slice(5)}`, `${site.url}/#code=${Emil.slice(0, 5)}\n${Emil.slice(5)}`, `https://links.example/?url=${encodeURIComponent(`${site.url}/#code=${Emil}`)}&data=x`, `<${site.url}/#code=${Emil}>`]) {
    await page.getByRole("link", { name: "You" }).click();
    await page.getByRole("textbox").fill(pasted);
    await page.getByRole("button", { name: "Log in" }).click();
    await page.getByRole("status").filter({ hasText: "Logged in: Emil" }).waitFor();
    await page.getByRole("link", { name: "You" }).click();
    await page.getByRole("button", { name: "Log out: Emil" }).click();
    await page.getByRole("listitem").waitFor({ state: "detached" });
  }
});

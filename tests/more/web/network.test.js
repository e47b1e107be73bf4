// Slow and missing networks, and what changes meanwhile.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { basics, card, choices, heading, menu, PATIENCE_MS, startServers, startSite } from "./site.js";

let site;
before(async () => (site = await startSite()));
beforeEach(() => site.reset());
afterEach(() => site.leave());
after(() => site.stop());

test("the sessions are fetched anew every minute, and when the page is looked at again", async () => {
  const session = basics(await site.club());
  const page = await site.visit({ prepare: (page) => page.clock.install() });
  const state = (session_state) =>
    site.post("coach_update_training_session", { auth_token: site.codes["Coach Hana"], session_id: session.session_id, session_state });
  await state("cancelled");
  await page.clock.runFor(61_000);
  await card(page, session).getByText("Cancelled", { exact: true }).waitFor();
  await state("scheduled");
  await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
  await card(page, session).getByText("Cancelled", { exact: true }).waitFor({ state: "detached" });
});

test("a slow request shows that it is under way", async () => {
  const session = basics(await site.club());
  const page = await site.visit({ who: ["Grandmaster Oh"] });
  let release;
  const held = new Promise((resolve) => (release = resolve));
  await page.route(site.functionUrl, (route) => held.then(() => route.continue()));
  await choices(page, session, "Grandmaster Oh").getByRole("button", { name: "Yes" }).click();
  await choices(page, session, "Grandmaster Oh").getByText("One moment …").waitFor();
  await menu(page, session, "Cancel session");
  await card(page, session).locator(".coaching").getByText("One moment …").waitFor();
  assert.equal(await card(page, session).locator(".coaching button").getAttribute("aria-busy"), "true");
  await page.getByRole("button", { name: "Add sessions" }).click();
  const send = page.getByRole("dialog").locator("form button");
  await send.click();
  assert.equal(await send.innerText(), "One moment …");
  assert.equal(await send.getAttribute("aria-busy"), "true");
  await page.keyboard.press("Escape");
  await page.locator('nav a[href="#history"]').click();
  await page.locator("main .loading").getByText("One moment …").waitFor();
  release();
  await page.getByRole("table").waitFor();
});

test("without any network the page opens, shows the last known sessions and says so", async () => {
  const servers = await startServers();
  const context = await site.browser.newContext({ locale: "en-GB", timezoneId: "Europe/Copenhagen" });
  try {
    const page = await context.newPage();
    await page.goto(`${servers.url}/#code=${servers.codes.Emil}`);
    await page.getByRole("button", { name: "Log in as Emil" }).click();
    await page.getByRole("group", { name: "Emil" }).first().waitFor();
    await page.evaluate(async () => {
      await navigator.serviceWorker.ready;
      while (!navigator.serviceWorker.controller) await new Promise((resolve) => navigator.serviceWorker.addEventListener("controllerchange", resolve, { once: true }));
    });
    const session = basics(await servers.club());
    await servers.stop();

    await page.goto(`${servers.url}/`);
    await page.getByText(/Offline\. This is how it was at \d\d:\d\d\./).waitFor();
    assert.equal(await page.locator("article").count(), 3);
    const emils = choices(page, session, "Emil");
    await emils.getByRole("button", { name: "Yes" }).click();
    await emils.getByText("Not sent yet").waitFor();
    assert.equal(await emils.locator('[aria-pressed="true"]').count(), 1);
    await page.getByRole("link", { name: "You" }).click();
    await page.getByRole("combobox").selectOption("Dansk");
    await page.getByText(/Offline\. Sådan var det/).waitFor();
  } finally {
    await context.close();
  }
});

/** Waits until there are so many caches, the last of which has all files. */
async function keptAll(page, count) {
  const state = async () => {
    const names = await caches.keys();
    return [names.length, Boolean(await caches.match("./", { cacheName: names.at(-1) }))].join();
  };
  const end = Date.now() + PATIENCE_MS;
  while ((await page.evaluate(state)) !== `${count},true`) assert.ok(Date.now() < end, "the files were never kept");
}

test("what has changed on the server is kept for the next visit", async () => {
  const context = await site.browser.newContext({ locale: "en-GB" });
  try {
    const page = await context.newPage();
    await page.goto(site.url);
    await page.locator("article").first().waitFor();
    await page.evaluate(() => navigator.serviceWorker.ready);
    const kept = () => page.evaluate(async () => (await (await caches.match("lang/en.json")).json())["sessions.title"]);
    assert.equal(await kept(), "Sessions");
    await context.route("**/lang/en.json", async (route) => {
      const answer = await route.fetch();
      await route.fulfill({ response: answer, json: { ...(await answer.json()), "sessions.title": "Trainings" } });
    });
    await page.reload();
    await keptAll(page, 2);
    assert.equal(await kept(), "Sessions", "this visit keeps to what it began with");
    await page.reload();
    await heading(page, "Trainings");
  } finally {
    await context.close();
  }
});

test("the last known sessions are there, and all works, while the network is slow", async () => {
  const session = basics(await site.club());
  const page = await site.visit({ who: ["Emil"] });
  let release;
  const held = new Promise((resolve) => (release = resolve));
  await page.route(site.dataUrl, (route) => held.then(() => route.continue()));
  await page.reload();
  await choices(page, session, "Emil").getByRole("button", { name: "Yes" }).waitFor();
  await page.getByRole("link", { name: "You" }).click();
  await heading(page, "On this phone");
  const state = { auth_token: site.codes["Coach Hana"], session_id: session.session_id, session_state: "cancelled" };
  await site.post("coach_update_training_session", state);
  release();
  await page.getByRole("link", { name: "Sessions" }).click();
  await card(page, session).getByText("Cancelled", { exact: true }).waitFor();
});

test("where nothing is known yet and nothing can be reached, it says so, and tries again", async () => {
  const page = await site.visit({ faults: true });
  await page.evaluate(() => localStorage.clear());
  await page.route(site.dataUrl, (route) => route.abort());
  await page.reload();
  await page.getByText("The sessions cannot be reached.").waitFor();
  await page.unroute(site.dataUrl);
  await page.getByRole("button", { name: "Try again" }).click();
  await page.locator("article").first().waitFor();
});

test("an update does not reach the visit that goes on: parts that are loaded later belong to it", async () => {
  const context = await site.browser.newContext({ locale: "en-GB" });
  try {
    const page = await context.newPage();
    await page.goto(`${site.url}/#code=${site.codes["Grandmaster Oh"]}`);
    await page.getByRole("button", { name: "Log in as Grandmaster Oh" }).click();
    await page.getByRole("link", { name: "Members" }).waitFor();
    await page.evaluate(() => navigator.serviceWorker.ready);
    // A new version, whose parts do not fit the old ones.
    const change = (file, words) =>
      context.route(file, async (route) => {
        const answer = await route.fetch();
        await route.fulfill({ response: answer, body: words + (await answer.text()) });
      });
    await change("**/store.js", "export const fresh = 1;\n");
    await change("**/views/members.js", 'import { fresh } from "../store.js";\n');
    await page.goto(`${site.url}/`);
    await page.locator("article").first().waitFor();
    await keptAll(page, 2);
    await page.getByRole("link", { name: "Members" }).click();
    await heading(page, "Members");
    await page.reload();
    await heading(page, "Members");
    assert.ok(await page.evaluate(async () => (await (await caches.match("views/members.js", { cacheName: (await caches.keys()).at(-1) })).text()).includes("fresh")));
  } finally {
    await context.close();
  }
});

test("what is kept but cannot be read does not keep the page from coming up", async () => {
  const page = await site.visit();
  await page.evaluate(() => Object.assign(localStorage, { lastKnown: "{", codes: "[" }));
  await page.reload();
  await page.locator("article").first().waitFor();
});

test("an unknown fragment shows the sessions", async () => {
  const page = await site.visit({ hash: "#toString" });
  await heading(page, "Sessions");
  await page.locator("article").first().waitFor();
});

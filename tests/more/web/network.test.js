// Slow and missing networks, and what changes meanwhile.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { basics, card, choices, heading, menu, PATIENCE_MS, startServers, startSite, ZONE } from "./site.js";

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
  const context = await site.browser.newContext({ locale: "en-GB", timezoneId: ZONE });
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

test("a part of the page that does not arrive is missed under its heading, and is there when it comes", async () => {
  const page = await site.visit({ who: ["Coach Mette"], faults: true });
  await page.route("**/views/{people,menu}.js", (route) => route.abort());
  await page.getByRole("button", { name: /^More:/ }).first().click();
  await page.getByRole("status").filter({ hasText: "A part of the page did not arrive." }).waitFor();
  await page.getByRole("link", { name: "You" }).click();
  await heading(page, "You");
  await page.locator("#main").getByText("A part of the page did not arrive.").waitFor();
  await page.unroute("**/views/{people,menu}.js");
  await page.getByRole("button", { name: "Try again" }).click();
  await heading(page, "On this phone");
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

/** A phone that has kept the page. */
async function installed(context, url = site.url) {
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  await page.goto(url);
  await page.locator("article").first().waitFor();
  await page.evaluate(async () => {
    await navigator.serviceWorker.ready;
    while (!navigator.serviceWorker.controller) await new Promise((resolve) => navigator.serviceWorker.addEventListener("controllerchange", resolve, { once: true }));
  });
  return page;
}

const change = (context, file, words) =>
  context.route(file, async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, body: words + (await answer.text()) });
  });

test("a new version while one tab is open and another visits twice: the open one keeps to its own, whole", async () => {
  const context = await site.browser.newContext({ locale: "en-GB" });
  try {
    const open = await installed(context);
    await change(context, "**/store.js", "export const fresh = 1;\n");
    await change(context, "**/views/people.js", 'import { fresh } from "../store.js";\n');
    const other = await context.newPage();
    await other.goto(site.url);
    await keptAll(other, 2);
    await other.reload();
    await other.getByRole("link", { name: "You" }).click();
    await heading(other, "On this phone");
    await open.getByRole("link", { name: "You" }).click();
    await heading(open, "On this phone");
    const isFresh = (page) => page.evaluate(async () => "fresh" in (await import(`${location.origin}/store.js`)));
    assert.deepEqual([await isFresh(open), await isFresh(other)], [false, true]);
  } finally {
    await context.close();
  }
});

test("a page that is kept open takes a new version when nobody is at work on it", async () => {
  const context = await site.browser.newContext({ locale: "en-GB" });
  try {
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    await page.clock.install();
    await page.goto(site.url);
    await page.locator("article").first().waitFor();
    await page.evaluate(async () => {
      await navigator.serviceWorker.ready;
      while (!navigator.serviceWorker.controller) await new Promise((resolve) => navigator.serviceWorker.addEventListener("controllerchange", resolve, { once: true }));
    });
    await change(context, "**/store.js", "export const fresh = 1;\n");
    await page.getByRole("link", { name: "You" }).click();
    await page.getByRole("textbox").fill("half a code");
    const told = page.evaluate(() => new Promise((resolve) => navigator.serviceWorker.addEventListener("message", ({ data }) => resolve(data))));
    await page.clock.runFor(3_601_000);
    assert.equal(await told, "outdated");
    await page.clock.runFor(600_000);
    assert.equal(await page.getByRole("textbox").inputValue(), "half a code", "somebody is at work");
    await page.getByRole("textbox").fill("");
    const again = page.waitForEvent("load");
    await page.clock.runFor(600_000).catch(() => {}); // It ends with the page.
    await again;
    await heading(page, "On this phone");
    assert.ok(await page.evaluate(async () => "fresh" in (await import(`${location.origin}/store.js`))));
  } finally {
    await context.close();
  }
});

test("a maintenance page in the place of files is not kept; foreign caches stay", async () => {
  const context = await site.browser.newContext({ locale: "en-GB" });
  try {
    const page = await installed(context);
    await page.evaluate(async () => (await caches.open("another app")).put("x", new Response("x")));
    let asked = 0;
    const busy = { status: 200, contentType: "text/html", body: "<h1>Back soon</h1>" };
    // Only one of them, then the page alone, then all.
    for (const files of ["**/club.js", `${site.url}/`, "**/*"]) {
      await context.route(files, (route) => {
        if (route.request().url() === site.dataUrl) return route.continue();
        asked++;
        return route.fulfill(busy);
      });
      const before = asked;
      await page.reload();
      await page.locator("article").first().waitFor();
      const end = Date.now() + PATIENCE_MS;
      while (asked === before) {
        assert.ok(Date.now() < end, "the worker never asked");
        // A look that was under way still is everybody's.
        await page.reload();
        await page.locator("article").first().waitFor();
      }
      await context.unroute(files);
      await page.reload();
      await page.locator("article").first().waitFor();
    }
    const names = await page.evaluate(() => caches.keys());
    assert.ok(names.includes("another app"));
    assert.equal(names.length, 2);
  } finally {
    await context.close();
  }
});

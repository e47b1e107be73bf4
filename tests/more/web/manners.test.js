// Languages, keyboard, screen readers, small screens, slow and missing networks, and the policy.

import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { basics, card, choices, root, startServers, startSite } from "./site.js";

let site;
before(async () => (site = await startSite()));
beforeEach(() => site.reset());
afterEach(() => site.leave());
after(() => site.stop());

const heading = (page, name) => page.getByRole("heading", { name, exact: true, level: 2 }).waitFor();
const language = (page) => page.locator("#language");
const focused = (page) => page.evaluate(() => document.activeElement.textContent || document.activeElement.id);

test("the browser chooses the language, the reader may change it", async () => {
  const page = await site.visit({ locale: "da-DK", who: ["Emil"] });
  await heading(page, "Træninger");
  assert.equal(await page.getAttribute("html", "lang"), "da");
  const session = basics(await site.club());
  assert.match(await card(page, session).innerText(), /[Tt]irsdag.*\s+\d\d\.\d\d.\d\d\.\d\d\s+med Coach Hana/);
  await choices(page, session, "Emil").getByRole("button", { name: "Måske" }).click();
  await page.getByRole("status").filter({ hasText: "Emil: Måske" }).waitFor();

  await language(page).selectOption("English");
  await heading(page, "Sessions");
  assert.equal(await page.getAttribute("html", "lang"), "en");
  await page.reload();
  await heading(page, "Sessions");
  assert.equal(await language(page).inputValue(), "en");

  await heading(await site.visit({ locale: "ko-KR" }), "Sessions");
});

test("the server's words are translated where the language has them", async () => {
  const page = await site.visit({ locale: "da-DK", who: ["Grandmaster Oh"], hash: "#members", faults: true });
  await page.getByRole("button", { name: "Tilføj medlem" }).click();
  await page.getByRole("dialog").getByLabel("Navn").fill("Amir");
  await page.getByRole("dialog").getByRole("button", { name: "Tilføj medlem" }).click();
  await page.getByRole("alert").filter({ hasText: "Et andet medlem har dette navn." }).waitFor();
});

test("every language has all words, with the same places to fill in, and no others", async () => {
  const folder = join(root, "web/lang");
  const read = async (file) => JSON.parse(await readFile(join(folder, file), "utf8"));
  const english = await read("en.json");
  const places = (text) => (text.match(/\{\w+\}/g) ?? []).sort().join();
  for (const file of await readdir(folder)) {
    const words = Object.entries(await read(file)).filter(([key]) => !key.startsWith("server: "));
    assert.deepEqual(words.map(([key]) => key).sort(), Object.keys(english).sort(), file);
    for (const [key, text] of words) assert.equal(places(text), places(english[key]), `${file}: ${key}`);
  }
  const sources = await Promise.all(
    (await readdir(join(root, "web"), { recursive: true })).filter((file) => file.endsWith(".js")).map((file) => readFile(join(root, "web", file), "utf8")),
  );
  const code = sources.join("");
  for (const key of Object.keys(english)) {
    // Keys are written out, or put together after their first part.
    const used = code.includes(`"${key}"`) || code.includes(`\`${key.split(".")[0]}.\${`) || code.includes(`}.${key.split(".").pop()}\``);
    assert.ok(used, `${key} is used`);
  }
  const { translated } = { translated: Object.keys(await read("da.json")).filter((key) => key.startsWith("server: ")) };
  const rust = await Promise.all(["actions/users", "actions/sessions", "actions/request", "actions/participation", "actions/authentication", "club/name"].map((name) => readFile(join(root, `src/${name}.rs`), "utf8")));
  for (const key of translated) assert.ok(rust.join("").includes(`"${key.slice(8)}"`), `the server says: ${key}`);
});

test("everything works by keyboard, and the focus stays where it is", async () => {
  const session = basics(await site.club());
  const page = await site.visit({ who: ["Coach Mette"] });
  const mettes = choices(page, session, "Coach Mette");
  for (let tabs = 0; tabs < 60; tabs++) {
    await page.keyboard.press("Tab");
    if (await mettes.getByRole("button", { name: "Yes" }).evaluate((button) => button === document.activeElement)) break;
  }
  await page.keyboard.press("Enter");
  await page.getByRole("status").filter({ hasText: "Coach Mette: Yes" }).waitFor();
  assert.equal(await focused(page), "Yes");
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  assert.equal(outline, "solid", "one sees where the focus is");
  await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Space");
  await page.getByRole("status").filter({ hasText: "Coach Mette: no answer" }).waitFor();
  assert.equal(await focused(page), "Take back");

  await card(page, session).getByRole("button", { name: "Cancel session" }).focus();
  await page.keyboard.press("Enter");
  await card(page, session).getByRole("button", { name: "Restore" }).waitFor();
  assert.equal(await focused(page), "Restore");

  const add = page.getByRole("button", { name: "Add sessions" });
  await add.focus();
  await page.keyboard.press("Enter");
  await page.getByRole("dialog", { name: "Add sessions" }).waitFor();
  for (let tabs = 0; tabs < 30; tabs++) {
    await page.keyboard.press("Tab");
    const place = await page.evaluate(() => Boolean(document.activeElement.closest("dialog")) || document.activeElement === document.body);
    assert.ok(place, "the focus stays within the dialog");
  }
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  assert.equal(await focused(page), "Add sessions");

  // What had the focus is gone with the session: the heading takes it.
  await card(page, session).getByRole("button", { name: "Delete" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).focus();
  await page.keyboard.press("Enter");
  await card(page, session).waitFor({ state: "detached" });
  await page.getByRole("dialog").waitFor({ state: "detached" });
  assert.equal(await focused(page), "Sessions");

  await page.getByRole("link", { name: "You" }).focus();
  await page.keyboard.press("Enter");
  await heading(page, "On this phone");
  await page.waitForFunction(() => document.activeElement.textContent === "On this phone");
  assert.equal(await page.title(), "On this phone – Dojang");
});

test("what is typed and where the focus is survive a new drawing", async () => {
  const page = await site.visit({ hash: "#people", prepare: (page) => page.clock.install() });
  await page.getByRole("textbox").fill("halfacode");
  await page.clock.runFor(130_000);
  assert.equal(await page.getByRole("textbox").inputValue(), "halfacode");
  assert.equal(await focused(page), "code");
});

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

test("screen readers learn names, roles, states, results and errors", async () => {
  const session = basics(await site.club());
  const page = await site.visit({ who: ["Emil"] });
  await page.getByRole("article", { name: /Tuesday.*\d\d:\d\d/ }).first().waitFor();
  const group = card(page, session).getByRole("group", { name: "Emil" });
  assert.equal(await group.getByRole("button", { name: "Yes", pressed: false }).count(), 1);
  await group.getByRole("button", { name: "Yes" }).click();
  assert.equal(await group.getByRole("button", { name: "Yes", pressed: true }).count(), 1);
  const live = await page.locator("p.status").evaluate((element) => element.role || element.getAttribute("role"));
  assert.equal(live, "status");
  await page.getByRole("navigation", { name: "Parts of this page" }).getByRole("link", { name: "Sessions" }).and(page.locator('[aria-current="page"]')).waitFor();
  assert.equal(await page.getByRole("main").count(), 1);
  assert.equal(await page.getByRole("combobox", { name: "Language" }).count(), 1);
});

test("nothing is wider than a screen of 320 px, in any language", async () => {
  const long = "Maximiliane-Wilhelmine von und zu Hohenstein-Schwarzburg-Rudol";
  await site.post("admin_create_user", { auth_token: site.codes["Grandmaster Oh"], role: "Student", name: long.slice(0, 60) });
  for (const locale of ["en-GB", "da-DK"]) {
    const page = await site.visit({ who: ["Grandmaster Oh", "Coach Hana"], locale, viewport: { width: 320, height: 640 } });
    for (const view of ["sessions", "history", "members", "people"]) {
      await page.locator(`nav a[href="#${view}"]`).click();
      await page.locator(view === "history" ? "table" : ".card").first().waitFor();
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 320, `${view}, ${locale}`);
    }
    const small = await page.evaluate(() =>
      [...document.querySelectorAll("button, nav a, input, select")].filter((element) => element.getBoundingClientRect().height < 24).map((element) => element.outerHTML),
    );
    assert.deepEqual(small, [], "large enough to be tapped");
  }
});

test("a slow request shows that it is under way", async () => {
  const session = basics(await site.club());
  const page = await site.visit({ who: ["Grandmaster Oh"] });
  let release;
  const held = new Promise((resolve) => (release = resolve));
  await page.route(site.functionUrl, (route) => held.then(() => route.continue()));
  await choices(page, session, "Grandmaster Oh").getByRole("button", { name: "Yes" }).click();
  await choices(page, session, "Grandmaster Oh").getByText("Saving …").waitFor();
  await card(page, session).getByRole("button", { name: "Cancel session" }).click();
  await card(page, session).locator(".coaching").getByText("Saving …").waitFor();
  assert.equal(await card(page, session).getByRole("button", { name: "Cancel session" }).getAttribute("aria-busy"), "true");
  await page.getByRole("button", { name: "Add sessions" }).click();
  const send = page.getByRole("dialog").locator("form button");
  await send.click();
  assert.equal(await send.innerText(), "Saving …");
  assert.equal(await send.getAttribute("aria-busy"), "true");
  await page.keyboard.press("Escape");
  await page.locator('nav a[href="#history"]').click();
  await page.locator("main").getByText("Loading …").waitFor();
  release();
  await page.getByRole("table").waitFor();
});

test("without any network the page opens, shows the last known sessions and says so", async () => {
  const servers = await startServers();
  const context = await site.browser.newContext({ locale: "en-GB", timezoneId: "Europe/Copenhagen" });
  try {
    const page = await context.newPage();
    await page.goto(`${servers.url}/#code=${servers.codes.Emil}`);
    await page.locator("li.card").waitFor();
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
    await emils.getByRole("alert").filter({ hasText: "No answer arrived. Please check the connection." }).waitFor();
    assert.equal(await emils.locator('[aria-pressed="true"]').count(), 0);
    await page.getByRole("combobox").selectOption("Dansk");
    await page.getByText(/Offline\. Sådan var det/).waitFor();
  } finally {
    await context.close();
  }
});

test("what has changed on the server is kept for the next visit", async () => {
  const context = await site.browser.newContext({ locale: "en-GB" });
  const file = join(root, "web/lang/en.json");
  const before = await readFile(file, "utf8");
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
    await page.waitForFunction(async () => (await (await caches.match("lang/en.json")).json())["sessions.title"] === "Trainings");
    await page.reload();
    await heading(page, "Trainings");
  } finally {
    await context.close();
    assert.equal(await readFile(file, "utf8"), before);
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

test("a strict Content-Security-Policy names exactly the two addresses, and holds", async () => {
  const answer = await fetch(site.url);
  const config = await (await fetch(`${site.url}/config.json`)).json();
  assert.deepEqual(config, { functionUrl: `${site.functionUrl}/`, dataUrl: site.dataUrl });
  const policy = new Map(
    answer.headers
      .get("content-security-policy")
      .split("; ")
      .map((directive) => [directive.split(" ")[0], directive.split(" ").slice(1)]),
  );
  assert.deepEqual(policy.get("connect-src"), ["'self'", config.functionUrl, config.dataUrl]);
  assert.deepEqual(policy.get("default-src"), ["'none'"]);
  for (const [name, sources] of policy) {
    if (name.endsWith("-src") && !["connect-src", "default-src"].includes(name)) assert.deepEqual(sources, ["'self'"], name);
  }
  assert.equal(answer.headers.get("referrer-policy"), "no-referrer");
  assert.equal(answer.headers.get("x-content-type-options"), "nosniff");

  const page = await site.visit({ faults: true });
  const attempt = (work) => page.evaluate(work).then(() => "worked", (error) => String(error));
  const elsewhere = site.dataUrl.replace("data.json", "other.json");
  assert.match(await page.evaluate((url) => fetch(url).then(() => "worked", String), elsewhere), /Failed to fetch/);
  assert.match(await attempt(() => (document.body.innerHTML = "<b>x</b>")), /TrustedHTML/);
  assert.match(await attempt(() => (document.createElement("script").text = "alert(1)")), /TrustedScript/);
  assert.match(await attempt(() => trustedTypes.createPolicy("other", {})), /disallowed/);
});

test("no source puts text in as HTML, and none asks a third party", async () => {
  for (const file of await readdir(join(root, "web"), { recursive: true })) {
    if (!/\.\w+$/.test(file)) continue;
    const text = await readFile(join(root, "web", file), "utf8");
    assert.ok(!/innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\b/.test(text), file);
    assert.ok(!/https?:\/\/(?!www\.w3\.org\/2000\/svg)/.test(text), file);
  }
});

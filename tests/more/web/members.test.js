// What members do: log in, and answer for themselves and their children.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { actions, basics, card, choices, idOf, names, startSite, until } from "./site.js";

let site;
before(async () => (site = await startSite()));
beforeEach(() => site.reset());
afterEach(() => site.leave());
after(() => site.stop());

const pressed = (group) => group.locator('[aria-pressed="true"]').allInnerTexts();

async function logIn(page, code) {
  await page.getByRole("link", { name: "You" }).click();
  await page.getByRole("textbox").fill(code);
  await page.getByRole("button", { name: "Log in" }).click();
}

const people = (page) => page.getByRole("link", { name: "You" }).click();

test("a code is compared on the device, kept in local storage, and forgotten on logging out", async () => {
  const page = await site.visit();
  const sent = actions(site, page);
  await logIn(page, "wrongcode123");
  await page.getByRole("alert").filter({ hasText: "No member has this code." }).waitFor();
  assert.equal(await page.evaluate(() => localStorage.codes), "[]");

  await logIn(page, ` ${site.codes.Emil} `);
  // One is at the sessions then.
  await page.getByRole("group", { name: "Emil" }).first().waitFor();
  await people(page);
  await page.getByRole("listitem").filter({ hasText: "Emil" }).waitFor();
  assert.equal(await page.getByRole("alert").count(), 0);
  assert.equal(await page.evaluate(() => localStorage.codes), JSON.stringify([site.codes.Emil]));
  await page.reload();
  await page.getByRole("button", { name: "Log out: Emil" }).click();
  await page.getByRole("listitem").waitFor({ state: "detached" });
  assert.equal(await page.evaluate(() => localStorage.codes), "[]");
  await page.getByRole("link", { name: "Sessions" }).click();
  await page.getByText("to say whether you come").waitFor();
  assert.deepEqual(sent, []);
});

test("somebody who became a member a moment ago can log in", async () => {
  const page = await site.visit();
  const kim = { auth_token: site.codes["Grandmaster Oh"], role: "Student", name: "Kim Lee" };
  const { auth_token } = await site.post("admin_create_user", kim);
  await logIn(page, auth_token);
  await page.getByRole("group", { name: "Kim Lee" }).first().waitFor();
});

test("Yes, Maybe, No and taking it back are one tap each, and stored", async () => {
  const club = await site.club();
  const session = basics(club);
  const emil = idOf(club, "Emil");
  const page = await site.visit({ who: ["Emil"] });
  const emils = choices(page, session, "Emil");
  for (const answer of ["Yes", "Maybe", "No"]) {
    await emils.getByRole("button", { name: answer, exact: true }).click();
    assert.deepEqual(await pressed(emils), [answer]);
    await until(site, ({ sessions }) => sessions[session.session_id].participation[emil] === answer);
    await page.getByRole("status").filter({ hasText: `Emil: ${answer}` }).waitFor();
  }
  await emils.getByRole("button", { name: "No", exact: true }).click();
  assert.deepEqual(await pressed(emils), []);
  await until(site, ({ sessions }) => !(emil in sessions[session.session_id].participation));
});

test("an answer is on screen before the server has it", async () => {
  const session = basics(await site.club());
  const page = await site.visit({ who: ["Emil"] });
  let release;
  const held = new Promise((resolve) => (release = resolve));
  await page.route(site.functionUrl, (route) => held.then(() => route.continue()));
  const emils = choices(page, session, "Emil");
  await emils.getByRole("button", { name: "Yes" }).click();
  assert.deepEqual(await pressed(emils), ["Yes"]);
  assert.match(await names(page, session), /Yes Amir, Coach Hana, Emil, Fatima/);
  assert.equal(await emils.getAttribute("aria-busy"), "true");
  await emils.getByText("One moment").waitFor();
  release();
  await emils.getByText("One moment").waitFor({ state: "detached" });
  assert.deepEqual(await pressed(emils), ["Yes"]);
});

test("a refused answer is corrected, with the server's words beside it", async () => {
  const session = basics(await site.club());
  const page = await site.visit({ who: ["Birgitte"], faults: true });
  await page.route(site.functionUrl, (route) => route.fulfill({ status: 400, json: { error: "Not this time." } }));
  const group = choices(page, session, "Birgitte");
  assert.deepEqual(await pressed(group), ["Maybe"]);
  await group.getByRole("button", { name: "No", exact: true }).click();
  await group.getByRole("alert").filter({ hasText: "Not this time." }).waitFor();
  assert.deepEqual(await pressed(group), ["Maybe"]);
});

test("an answer to a session that is gone says so, though its card goes", async () => {
  const session = basics(await site.club());
  const page = await site.visit({ who: ["Emil"], faults: true });
  const gone = { auth_token: site.codes["Coach Hana"], session_id: session.session_id, session_state: "deleted" };
  await site.post("coach_update_training_session", gone);
  await choices(page, session, "Emil").getByRole("button", { name: "Yes" }).click();
  await page.getByRole("status").filter({ hasText: "This session does not exist (any more)." }).waitFor();
  await card(page, session).waitFor({ state: "detached" });
});

test("several people answer on one phone, each for themselves", async () => {
  const club = await site.club();
  const session = basics(club);
  const page = await site.visit({ who: ["Dagny"] });
  await logIn(page, site.codes.Emil);
  await choices(page, session, "Dagny").getByRole("button", { name: "Yes" }).click();
  await choices(page, session, "Emil").getByRole("button", { name: "No", exact: true }).click();
  await until(site, ({ sessions }) => {
    const { participation } = sessions[session.session_id];
    return participation[idOf(club, "Dagny")] === "Yes" && participation[idOf(club, "Emil")] === "No";
  });
  await page.getByRole("link", { name: "You" }).click();
  await page.getByRole("button", { name: "Log out: Dagny" }).click();
  await page.getByRole("link", { name: "Sessions" }).click();
  assert.equal(await choices(page, session, "Dagny").count(), 0);
  assert.deepEqual(await pressed(choices(page, session, "Emil")), ["No"]);
});

test("a code that was replaced is no longer known, and says so", async () => {
  const page = await site.visit({ who: ["Emil"] });
  const [auth_token, user_id] = [site.codes["Grandmaster Oh"], idOf(await site.club(), "Emil")];
  await site.post("admin_reset_auth_token", { auth_token, user_id });
  await page.reload();
  const words = "Emil: your code was replaced. Ask your club for the new one.";
  await page.getByText(words).waitFor();
  await page.getByText("to say whether you come").waitFor();
  await people(page);
  await page.getByRole("listitem").getByText(words).waitFor();
  assert.ok(!(await page.locator("main").innerText()).includes(site.codes.Emil));
  await page.getByRole("button", { name: "Log out: Emil" }).click();
  await page.getByRole("listitem").waitFor({ state: "detached" });
});

test("answers that two tabs give offline are all kept and sent", async () => {
  const club = await site.club();
  const emil = idOf(club, "Emil");
  const ids = Object.keys(club.sessions);
  const page = await site.visit({ who: ["Emil"], faults: true });
  const other = await page.context().newPage();
  await other.goto(`${site.url}/`);
  await other.getByRole("group", { name: "Emil" }).first().waitFor();
  await page.context().route(site.functionUrl, (route) => route.abort());
  const kept = (tab, count) => tab.waitForFunction((count) => JSON.parse(localStorage.outbox ?? "[]").length === count, count);
  for (const [n, tab] of [page, other, page].entries()) {
    const emils = choices(tab, { session_id: ids[n] }, "Emil");
    await emils.getByRole("button", { name: "No", exact: true }).click();
    await emils.getByText("Not sent yet").waitFor();
    for (const each of [page, other]) await choices(each, { session_id: ids[n] }, "Emil").getByText("Not sent yet").waitFor();
    await kept(page, n + 1);
  }
  await page.context().unroute(site.functionUrl);
  await other.close();
  await page.reload();
  await until(site, ({ sessions }) => ids.every((id) => sessions[id].participation[emil] === "No"));
  await kept(page, 0);
});

test("logging out in one tab does so in the others", async () => {
  const page = await site.visit({ who: ["Emil"], hash: "#people" });
  const other = await page.context().newPage();
  await other.goto(`${site.url}/`);
  await other.getByRole("group", { name: "Emil" }).first().waitFor();
  // The phone's first script would log Emil in again at the next visit only.
  await page.getByRole("button", { name: "Log out: Emil" }).click();
  await other.getByRole("group", { name: "Emil" }).first().waitFor({ state: "detached" });
});

test("after a lost answer the page repeats the request once, as the same operation", async () => {
  const club = await site.club();
  const session = basics(club);
  const page = await site.visit({ who: ["Emil"], faults: true });
  const sent = actions(site, page);
  let isFirst = true;
  await page.route(site.functionUrl, async (route) => {
    if (!isFirst || route.request().method() !== "POST") return route.continue();
    isFirst = false;
    await route.fetch();
    await route.abort("connectionreset");
  });
  const emils = choices(page, session, "Emil");
  await emils.getByRole("button", { name: "Yes" }).click();
  await page.getByRole("status").filter({ hasText: "Emil: Yes" }).waitFor();
  assert.equal(sent.length, 2);
  assert.deepEqual(sent[0], sent[1]);
  assert.match(sent[0].operation_id, /^[A-Za-z0-9_-]{8,64}$/);
  assert.deepEqual(await pressed(emils), ["Yes"]);
  assert.equal(await emils.getByRole("alert").count(), 0);
});

test("where the repetition fails too, it says so and shows what holds", async () => {
  const session = basics(await site.club());
  const page = await site.visit({ who: ["Emil"], faults: true });
  const sent = actions(site, page);
  const faults = [
    [
      (route) => route.fulfill({ status: 503, headers: { "Retry-After": "1", "Access-Control-Allow-Origin": "*" }, json: { error: "Out of order." } }),
      "Out of order.",
    ],
    [(route) => route.fulfill({ status: 502, body: "Bad Gateway" }), "The server has a problem."],
  ];
  for (const [fault, words] of faults) {
    sent.length = 0;
    await page.route(site.functionUrl, fault);
    const emils = choices(page, session, "Emil");
    await emils.getByRole("button", { name: "Yes" }).click();
    await emils.getByRole("alert").filter({ hasText: words }).waitFor();
    assert.equal(sent.length, 2, words);
    assert.equal(sent[0].operation_id, sent[1].operation_id);
    assert.deepEqual(await pressed(emils), []);
    await page.unroute(site.functionUrl);
  }
});

test("double taps send one request, and what is tapped meanwhile is sent after it", async () => {
  const club = await site.club();
  const session = basics(club);
  const page = await site.visit({ who: ["Emil"] });
  const sent = actions(site, page);
  const emils = choices(page, session, "Emil");
  await emils.getByRole("button", { name: "Yes" }).dblclick();
  await page.getByRole("status").filter({ hasText: "Emil: Yes" }).waitFor();
  assert.equal(sent.length, 1);

  let release;
  const held = new Promise((resolve) => (release = resolve));
  await page.route(site.functionUrl, (route) => held.then(() => route.continue()));
  await emils.getByRole("button", { name: "Maybe" }).click();
  await emils.getByRole("button", { name: "Yes" }).click();
  await emils.getByRole("button", { name: "No", exact: true }).click();
  release();
  await page.getByRole("status").filter({ hasText: "Emil: No" }).waitFor();
  const answers = sent.slice(1).map(({ joining_sessions }) => joining_sessions[session.session_id]);
  assert.deepEqual(answers, ["Maybe", "No"]);
  await until(site, ({ sessions }) => sessions[session.session_id].participation[idOf(club, "Emil")] === "No");
});

test("the last tap is sent although an earlier one failed", async () => {
  const club = await site.club();
  const session = basics(club);
  const page = await site.visit({ who: ["Emil"], faults: true });
  const sent = actions(site, page);
  let release;
  const held = new Promise((resolve) => (release = resolve));
  await page.route(site.functionUrl, async (route) => {
    if (route.request().method() !== "POST" || sent.length > 2) return route.continue();
    await held;
    await route.abort();
  });
  const emils = choices(page, session, "Emil");
  await emils.getByRole("button", { name: "Yes" }).click();
  await emils.getByRole("button", { name: "No", exact: true }).click();
  release();
  await page.getByRole("status").filter({ hasText: "Emil: No" }).waitFor();
  assert.deepEqual(sent.map(({ joining_sessions }) => joining_sessions[session.session_id]), ["Yes", "Yes", "No"]);
  assert.equal(await emils.getByRole("alert").count(), 0);
  await until(site, ({ sessions }) => sessions[session.session_id].participation[idOf(club, "Emil")] === "No");
});

test("the line of one's own answer leads to its session, again and again", async () => {
  const coach = idOf(await site.club(), "Coach Hana");
  const start_time = Math.floor(Date.now() / 1000) + 86_400;
  const { session } = await site.post("coach_add_training_session", { auth_token: site.codes["Coach Hana"], coach, start_time, end_time: start_time + 3600, comment: "" });
  const page = await site.visit({ who: ["Emil"] });
  for (const _ of ["the first time", "the second"]) {
    await page.locator(`.mine a[href="#session=${session.session_id}"]`).click();
    await page.waitForFunction((id) => document.activeElement.id === `s-${id}`, session.session_id);
  }
});

test("what was said before is taken away when something else is begun", async () => {
  const page = await site.visit({ who: ["Emil"], hash: `#people` });
  const said = page.locator("body > .status");
  await page.getByLabel("Another person’s login code").fill(site.codes.Amir);
  await page.getByRole("button", { name: "Log in" }).click();
  await said.filter({ hasText: "Logged in: Amir" }).waitFor();
  await people(page);
  await page.getByLabel("Another person’s login code").fill("nobodyscode1");
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByRole("alert").waitFor();
  assert.equal(await said.innerText(), "");
});

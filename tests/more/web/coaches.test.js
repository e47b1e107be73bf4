// What coaches do: sessions and attendance.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { actions, basics, card, idOf, inOrder, later, localTime, menu, secondsOf, startSite, until } from "./site.js";

let site;
before(async () => (site = await startSite()));
beforeEach(() => site.reset());
afterEach(() => site.leave());
after(() => site.stop());

/** Sessions are made in the year after the next: another year on every phone, also if one ends while this runs. */
const YEAR = new Date().getUTCFullYear() + 2;
const longDay = (date) =>
  new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", weekday: "long", day: "numeric", month: "long", year: "numeric" }).format(Date.parse(date));
const gone = (page) => page.waitForFunction(() => !document.querySelector("dialog"));

async function openForm(page, values) {
  await page.getByRole("button", { name: "Add sessions" }).click();
  await fill(page, values);
}

async function fill(page, { date, start, end, coach, comment, weeks }) {
  const dialog = page.getByRole("dialog");
  if (date) await dialog.getByLabel("Date").fill(date);
  if (start) await dialog.getByLabel("Start").fill(start);
  if (end) await dialog.getByLabel("End").fill(end);
  if (coach) await dialog.getByLabel("Coach").selectOption(coach);
  if (comment) await dialog.getByLabel("Comment").fill(comment);
  if (weeks) await dialog.getByLabel("For how many weeks").fill(String(weeks));
}

const send = (page, name = "Add sessions") => page.getByRole("dialog").getByRole("button", { name }).click();
const status = (page, words) => page.locator("body > .status").filter({ hasText: words }).waitFor();
/** Every answer of the function is lost, though it does what it is asked, as long as `check` holds. */
const loseAnswers = (page, check) =>
  page.route(site.functionUrl, async (route) => {
    if (route.request().method() !== "POST" || !check()) return route.continue();
    await route.fetch();
    await route.abort("connectionreset");
  });
/** The function waits for `release`, and then refuses. */
async function refuseLater(page, words) {
  let release;
  const held = new Promise((resolve) => (release = resolve));
  await page.route(site.functionUrl, async (route) => {
    await held;
    await route.fulfill({ status: 400, headers: { "Access-Control-Allow-Origin": "*" }, json: { error: words } });
  });
  return release;
}
const commented = ({ sessions }, comment) => inOrder({ sessions }).filter((session) => session.comment === comment);

test("add a session: at its local time, with the coach who adds it unless another is chosen", async () => {
  const page = await site.visit({ who: ["Coach Mette"] });
  await openForm(page, { date: `${YEAR}-01-12`, start: "19:00", end: "20:30", comment: "Kicks" });
  await send(page);
  await gone(page);
  await page.locator("article").filter({ hasText: "Kicks" }).getByText("19:00–20:30").waitFor();
  await openForm(page, { date: `${YEAR}-01-13`, start: "23:00", end: "00:30", coach: "Amir", comment: "Late" });
  await send(page);
  await gone(page);
  const club = await site.club();
  const [kicks] = commented(club, "Kicks");
  assert.equal(localTime(kicks.start_time), `${YEAR}-01-12 19:00`);
  assert.equal(localTime(kicks.end_time), `${YEAR}-01-12 20:30`);
  assert.equal(kicks.coach, idOf(club, "Coach Mette"));
  const [late] = commented(club, "Late");
  assert.equal(localTime(late.end_time), `${YEAR}-01-14 00:30`);
  assert.equal(late.coach, idOf(club, "Amir"));
});

test("change a session", async () => {
  const club = await site.club();
  const session = basics(club);
  const page = await site.visit({ who: ["Coach Mette"] });
  // From ten minutes before the start its card has another button.
  await menu(page, session, "Change");
  const dialog = page.getByRole("dialog");
  assert.equal(`${await dialog.getByLabel("Date").inputValue()} ${await dialog.getByLabel("Start").inputValue()}`, localTime(session.start_time));
  assert.equal(await dialog.getByLabel("Coach").inputValue(), session.coach);
  assert.equal(await dialog.getByLabel("Comment").inputValue(), session.comment);
  await fill(page, { date: `${YEAR}-02-01`, start: "17:15", end: "18:00", coach: "Coach Jonas", comment: "Moved" });
  await send(page, "Save");
  await gone(page);
  const text = await card(page, session).innerText();
  assert.ok(text.startsWith("17:15–18:00\n"), text);
  await page.getByRole("article", { name: `${longDay(`${YEAR}-02-01`)} 17:15–18:00` }).waitFor();
  assert.match(text, /with Coach Jonas\s+Moved/);
  const { sessions } = await site.club();
  const changed = sessions[session.session_id];
  assert.equal(localTime(changed.start_time), `${YEAR}-02-01 17:15`);
  assert.deepEqual(changed.participation, session.participation);
});

test("cancel, restore and delete a session", async () => {
  const session = basics(await site.club());
  const id = session.session_id;
  const page = await site.visit({ who: ["Coach Mette"] });
  const shown = card(page, session);
  await menu(page, session, "Cancel session");
  await shown.getByText("Cancelled", { exact: true }).waitFor();
  assert.equal((await site.club()).sessions[id].state, "cancelled");
  assert.equal(await shown.getByRole("button", { name: /attendance|Change/ }).count(), 0);
  await menu(page, session, "Restore");
  await shown.getByText("Cancelled", { exact: true }).waitFor({ state: "detached" });
  assert.equal((await site.club()).sessions[id].state, "scheduled");

  await menu(page, session, "Delete");
  await page.getByRole("dialog").getByRole("button", { name: "Keep" }).click();
  await gone(page);
  assert.ok(id in (await site.club()).sessions);
  await menu(page, session, "Delete");
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await shown.waitFor({ state: "detached" });
  assert.ok(!(id in (await site.club()).sessions));
});

// Clocks are put forward on the last Sunday of March, and in America on the second.
for (const [timezoneId, month, days, change] of [
  ["Europe/Copenhagen", "03", [10, 17, 24, 31], [0, 0, -3600]],
  ["Europe/Copenhagen", "10", [10, 17, 24, 31], [0, 0, 3600]],
  ["America/Los_Angeles", "03", [7, 14, 21, 28], [-3600, 0, 0]],
  ["Asia/Kathmandu", "03", [10, 17, 24, 31], [0, 0, 0]],
]) {
  test(`the same every week: the same local time in ${timezoneId} in month ${month}`, async () => {
    const page = await site.visit({ who: ["Coach Mette"], timezoneId });
    const dates = days.map((day) => `${YEAR}-${month}-${String(day).padStart(2, "0")}`);
    await openForm(page, { date: dates[0], start: "19:00", end: "20:30", comment: "Weekly", weeks: 4 });
    await send(page);
    await gone(page);
    const made = commented(await site.club(), "Weekly");
    assert.deepEqual(
      made.map(({ start_time, end_time }) => [localTime(start_time, timezoneId), localTime(end_time, timezoneId)]),
      dates.map((date) => [`${date} 19:00`, `${date} 20:30`]),
    );
    assert.deepEqual(
      made.slice(1).map(({ start_time }, n) => start_time - made[n].start_time),
      change.map((seconds) => 7 * 86_400 + seconds),
    );
  });
}

test("when the 7th of 20 fails it says which were made, and goes on from there", async () => {
  const page = await site.visit({ who: ["Coach Mette"], faults: true });
  const sent = actions(site, page);
  const fails = (route) =>
    sent.length === 7 && route.request().method() === "POST"
      ? route.fulfill({ status: 400, headers: { "Access-Control-Allow-Origin": "*" }, json: { error: "Not the seventh." } })
      : route.continue();
  await page.route(site.functionUrl, fails);
  const first = `${YEAR}-01-05`;
  await openForm(page, { date: first, start: "18:00", end: "19:00", comment: "Series", weeks: 20 });
  await send(page);
  const dialog = page.getByRole("dialog");
  const alert = dialog.getByRole("alert");
  await alert.waitFor();
  const words = `Sessions added: 6. Not ${longDay(later(first, 42))}: Not the seventh.`;
  assert.equal(await alert.innerText(), words);
  await dialog.getByText("6 of 20").waitFor();
  const made = await dialog.getByRole("listitem").allInnerTexts();
  assert.equal(made.length, 6);
  assert.equal(made[5], longDay(later(first, 35)));
  assert.equal(commented(await site.club(), "Series").length, 6);

  for (const label of ["Date", "Start", "End", "Coach", "Comment"]) assert.ok(await dialog.getByLabel(label).isDisabled(), label);
  await send(page);
  await gone(page);
  const series = commented(await site.club(), "Series");
  assert.equal(series.length, 20);
  assert.equal(new Set(series.map(({ start_time }) => start_time)).size, 20);
  assert.equal(localTime(series[19].start_time), `${later(first, 133)} 18:00`);
  assert.equal(sent.length, 21);
  assert.equal(sent[6].operation_id, sent[7].operation_id, "the seventh is the same operation");
  assert.equal(new Set(sent.map(({ operation_id }) => operation_id)).size, 20);
});

test("the server's refusal appears in the dialog, and what was typed stays", async () => {
  const session = basics(await site.club());
  const page = await site.visit({ who: ["Coach Mette"], faults: true });
  await menu(page, session, "Change");
  const state = { auth_token: site.codes["Coach Hana"], session_id: session.session_id, session_state: "cancelled" };
  await site.post("coach_update_training_session", state);
  await fill(page, { comment: "typed" });
  await send(page, "Save");
  await page.getByRole("dialog").getByRole("alert").filter({ hasText: "Only a scheduled session can be changed." }).waitFor();
  assert.equal(await page.getByRole("dialog").getByLabel("Comment").inputValue(), "typed");
});

test("a refused change of state appears in the session's card", async () => {
  const session = basics(await site.club());
  const page = await site.visit({ who: ["Coach Mette"], faults: true });
  await page.route(site.functionUrl, (route) =>
    route.fulfill({ status: 400, headers: { "Access-Control-Allow-Origin": "*" }, json: { error: "Ask the landlord." } }),
  );
  await menu(page, session, "Cancel session");
  await card(page, session).getByRole("alert").filter({ hasText: "Ask the landlord." }).waitFor();
});

test("attendance: those who said yes are ticked, those who said maybe come next; it can be corrected", async () => {
  const club = await site.club();
  const [session] = inOrder(club);
  const page = await site.visit({ who: ["Coach Mette"] });
  await card(page, session).getByRole("button", { name: "Take attendance" }).click();
  const dialog = page.getByRole("dialog");
  const names = await dialog.locator("label.tick").allInnerTexts();
  const ticked = await dialog.getByRole("checkbox", { checked: true }).count();
  // Amir, Carlos and the coach said yes, Emil maybe.
  assert.deepEqual(names.slice(0, 4).map((text) => text.split("\n")[0]), ["Amir", "Carlos", "Coach Mette", "Emil"]);
  assert.equal(ticked, 3);
  await dialog.getByText("3 of 10 present").waitFor();
  await dialog.getByRole("checkbox", { name: "Dagny" }).check();
  await dialog.getByRole("checkbox", { name: "Fatima" }).check();
  await dialog.getByText("5 of 10 present").waitFor();
  await send(page, "Save");
  await gone(page);
  const recorded = async () => {
    const period = { start_time: session.start_time, end_time: session.start_time + 1 };
    const history = await site.post("coach_get_historical_participation", { auth_token: site.codes["Coach Hana"], ...period });
    return history[session.session_id].participants.map((id) => club.users[id].name).sort();
  };
  assert.deepEqual(await recorded(), ["Amir", "Carlos", "Coach Mette", "Dagny", "Fatima"]);

  await card(page, session).getByRole("button", { name: "Change attendance" }).click();
  await dialog.getByText("5 of 10 present").waitFor();
  assert.equal(await dialog.getByRole("checkbox", { name: "Dagny" }).isChecked(), true);
  assert.equal(await dialog.getByRole("checkbox", { name: "Emil" }).isChecked(), false);
  await dialog.getByRole("checkbox", { name: "Dagny" }).uncheck();
  await send(page, "Save");
  await gone(page);
  assert.deepEqual(await recorded(), ["Amir", "Carlos", "Coach Mette", "Fatima"]);
});

test("attendance can be taken from 10 minutes before the start", async () => {
  const session = basics(await site.club());
  const page = await site.visit({
    who: ["Coach Mette"],
    prepare: (page) => page.clock.install({ time: (session.start_time - 620) * 1000 }),
  });
  const button = card(page, session).getByRole("button", { name: "Take attendance" });
  await card(page, session).getByRole("button", { name: "Change" }).waitFor();
  assert.equal(await button.count(), 0);
  await page.clock.runFor(40_000);
  await button.waitFor();
});

test("a lost answer does not make a session twice", async () => {
  const page = await site.visit({ who: ["Coach Mette"], faults: true });
  const sent = actions(site, page);
  await page.route(site.functionUrl, async (route) => {
    if (sent.length !== 1 || route.request().method() !== "POST") return route.continue();
    await route.fetch();
    await route.abort("connectionreset");
  });
  await openForm(page, { date: `${YEAR}-01-12`, start: "19:00", end: "20:30", comment: "Once" });
  await send(page);
  await gone(page);
  assert.equal(sent.length, 2);
  assert.equal(commented(await site.club(), "Once").length, 1);
});

test("a double tap adds one session", async () => {
  const page = await site.visit({ who: ["Coach Mette"] });
  const sent = actions(site, page);
  await openForm(page, { date: `${YEAR}-01-12`, start: "19:00", end: "20:30", comment: "Once" });
  await page.getByRole("dialog").getByRole("button", { name: "Add sessions" }).dblclick();
  await gone(page);
  assert.equal(sent.length, 1);
  await until(site, (club) => commented(club, "Once").length === 1);
});

test("results of dialogs are said on the page after the dialog", async () => {
  const page = await site.visit({ who: ["Coach Mette"] });
  await openForm(page, { date: `${YEAR}-01-12` });
  await send(page);
  await gone(page);
  await status(page, "Sessions added: 1");
  await menu(page, basics(await site.club()), "Delete");
  await page.getByRole("dialog", { name: "Delete this session?" }).getByRole("button", { name: "Delete", exact: true }).click();
  await status(page, "Deleted");
});

test("an error is said although its dialog was closed meanwhile", async () => {
  const page = await site.visit({ who: ["Coach Mette"], faults: true });
  const release = await refuseLater(page, "Nope.");
  await openForm(page, {});
  await send(page);
  await page.keyboard.press("Escape");
  await gone(page);
  release();
  await status(page, "Nope.");
});

test("a weekly series ends when its dialog is closed, and says how many there are", async () => {
  const page = await site.visit({ who: ["Coach Mette"] });
  const sent = actions(site, page);
  let release;
  const held = new Promise((resolve) => (release = resolve));
  await page.route(site.functionUrl, (route) => held.then(() => route.continue()));
  await openForm(page, { date: `${YEAR}-01-12`, comment: "Series", weeks: 5 });
  await send(page);
  await page.keyboard.press("Escape");
  await gone(page);
  release();
  await status(page, "Sessions added: 1");
  assert.equal(sent.length, 1);
  assert.equal(commented(await site.club(), "Series").length, 1);
});

test("after a lost answer the form stays as it was sent, so that nothing is made twice", async () => {
  const page = await site.visit({ who: ["Coach Mette"], faults: true });
  const sent = actions(site, page);
  await loseAnswers(page, () => sent.length <= 2);
  await openForm(page, { date: `${YEAR}-01-12`, start: "19:00", end: "20:30", comment: "Once" });
  await send(page);
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("alert").waitFor();
  for (const label of ["Date", "Start", "End", "Coach", "Comment", "For how many weeks"]) assert.ok(await dialog.getByLabel(label).isDisabled(), label);
  await send(page);
  await gone(page);
  assert.equal(new Set(sent.map((action) => JSON.stringify(action))).size, 1);
  assert.equal(commented(await site.club(), "Once").length, 1);
});

test("what was refused can be changed", async () => {
  const page = await site.visit({ who: ["Coach Mette"], faults: true });
  (await refuseLater(page, "Nope."))();
  await openForm(page, {});
  await send(page);
  await page.getByRole("dialog").getByRole("alert").waitFor();
  await fill(page, { comment: "other" });
});

test("a changed comment leaves the times alone, also of a session of several days", async () => {
  const club = await site.club();
  const start_time = secondsOf(`${YEAR}-06-06 18:00`) + 30;
  const end_time = start_time + 44 * 3600;
  const camp = { auth_token: site.codes["Coach Hana"], coach: idOf(club, "Coach Hana"), start_time, end_time, comment: "Camp" };
  const { session } = await site.post("coach_add_training_session", camp);
  const page = await site.visit({ who: ["Coach Mette"] });
  await card(page, session).getByText("18:00–8 Jun 14:00").waitFor();
  await card(page, session).getByRole("button", { name: "Change" }).click();
  await fill(page, { comment: "Bring a tent" });
  await send(page, "Save");
  await gone(page);
  let now = (await site.club()).sessions[session.session_id];
  assert.deepEqual([now.start_time, now.end_time, now.comment], [start_time, end_time, "Bring a tent"]);

  await card(page, session).getByRole("button", { name: "Change" }).click();
  await fill(page, { date: `${YEAR}-06-13` });
  await send(page, "Save");
  await gone(page);
  now = (await site.club()).sessions[session.session_id];
  assert.deepEqual([localTime(now.start_time), localTime(now.end_time)], [`${YEAR}-06-13 18:00`, `${YEAR}-06-15 14:00`]);
});

test("an end before the start is refused beside the field, unless the session goes on after midnight", async () => {
  const page = await site.visit({ who: ["Coach Mette"] });
  const sent = actions(site, page);
  await openForm(page, { date: `${YEAR}-01-12`, start: "19:00", end: "18:30" });
  const words = () => page.getByRole("dialog").getByLabel("End").evaluate((input) => input.validationMessage);
  assert.equal(await words(), "The end is before the start.");
  await send(page);
  assert.equal(await page.evaluate(() => document.activeElement.labels[0].textContent), "End");
  await fill(page, { end: "07:00" });
  assert.equal(await words(), "");
  await fill(page, { end: "07:01" });
  assert.notEqual(await words(), "");
  await fill(page, { start: "18:00", end: "19:00" });
  assert.equal(await words(), "");
  assert.equal(sent.length, 0);
  await send(page);
  await gone(page);
  assert.equal(sent.length, 1);
});

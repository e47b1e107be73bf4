// The local command with a fresh demo club, and real browsers that visit its page.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

export const root = fileURLToPath(new URL("../../..", import.meta.url));
/** Where the viewer is. */
export const ZONE = process.env.DOJANG_ZONE ?? "Europe/Copenhagen";
/** The page's files: of the source, unless it is said otherwise. */
export const SOURCE = join(root, "web");
export const PUBLISHED = join(root, "target/package/web");
const PAGE = process.env.DOJANG_PUBLISHED ? PUBLISHED : SOURCE;
/** Only so that a hang ends: what is waited for comes as soon as the machine can. */
export const PATIENCE_MS = Number(process.env.PATIENCE_MS ?? 60_000);

/** Starts the servers and a browser. `stop` ends them. */
export async function startSite(pageFolder) {
  const servers = await startServers(pageFolder);
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox"],
  });
  const open = [];
  const unsafe = [];

  const site = {
    ...servers,
    browser,
    /** The demo club as new. */
    reset: () => servers.post("any_reset_test_setup", { test_secret: "local-test-secret" }),
    /** A phone of its own with the codes of `who`. Faults of the page fail the test, unless `faults`. */
    async visit({ who = [], hash = "", faults = false, prepare, ...options } = {}) {
      const context = await browser.newContext({
        locale: "en-GB",
        timezoneId: ZONE,
        viewport: { width: 390, height: 800 },
        serviceWorkers: "block",
        ...options,
      });
      const codes = JSON.stringify(who.map((name) => servers.codes[name]));
      await context.addInitScript((codes) => (localStorage.codes ??= codes), codes);
      const page = await context.newPage();
      page.setDefaultTimeout(PATIENCE_MS);
      const found = [];
      page.on("pageerror", (error) => found.push(String(error)));
      page.on("dialog", (dialog) => found.push(dialog.message()));
      page.on("console", (message) => {
        // Playwright's own word about `serviceWorkers: "block"` is no complaint of the page.
        if (["error", "warning"].includes(message.type()) && !/blocked by Playwright/.test(message.text())) found.push(message.text());
      });
      // Whatever a page asks of the function can be repeated safely.
      page.on("request", (request) => {
        if (request.method() !== "POST") return;
        const { action, operation_id } = request.postDataJSON();
        if (!/^[A-Za-z0-9_-]{8,64}$/.test(operation_id)) unsafe.push(action);
      });
      open.push({ context, found, faults });
      await prepare?.(page);
      await page.goto(`${servers.url}/${hash}`);
      await page.locator("#main h2").first().waitFor();
      return page;
    },
    /** From here on the open pages may complain: the test has faults. */
    expectFaults: () => open.forEach((phone) => (phone.faults = true)),
    /** Closes all phones; fails if their pages complained about anything. */
    async leave() {
      const found = [];
      for (const phone of open.splice(0)) {
        await phone.context.close();
        if (!phone.faults) found.push(...phone.found);
      }
      assert.deepEqual(found, [], "the page's complaints");
      assert.deepEqual(unsafe, [], "actions without an operation_id");
    },
    async stop() {
      await browser.close();
      await servers.stop();
    },
  };
  return site;
}

/** The local command on free ports, with a club of its own. */
export async function startServers(page = PAGE) {
  const data = await mkdtemp(join(tmpdir(), "dojang-web-"));
  const local = spawn(join(root, "target/debug/local"), ["--port", "0", "--data-dir", data, "--page", page]);
  local.stderr.resume();
  const ended = new Promise((resolve) => local.once("exit", resolve));
  let greeting = "";
  for await (const chunk of local.stdout.setEncoding("utf8")) {
    greeting += chunk;
    if (/^open .*\n$/m.test(greeting)) break;
  }
  const word = (pattern) => greeting.match(pattern)[1];
  const functionUrl = word(/^Function URL +(\S+)$/m);
  const dataUrl = word(/^Public data +(\S+)$/m);

  /** An action, as any client would send it; fails unless it is accepted. */
  async function post(action, body) {
    const headers = { "Content-Type": "application/json" };
    const answer = await fetch(functionUrl, { method: "POST", headers, body: JSON.stringify({ action, ...body }) });
    const json = await answer.json();
    assert.equal(answer.status, 200, `${action}: ${JSON.stringify(json)}`);
    return json;
  }

  return {
    url: word(/^open (\S+)$/m),
    functionUrl,
    dataUrl,
    post,
    greeting,
    /** Login codes by name. */
    codes: Object.fromEntries([...greeting.matchAll(/^ {2}\w+ +(\w+) +(.+)$/gm)].map(([, code, name]) => [name, code])),
    club: async () => (await fetch(dataUrl)).json(),
    async stop() {
      local.kill("SIGINT");
      await ended;
      await rm(data, { recursive: true });
    },
  };
}

/** The sessions of a club in order of time. */
export const inOrder = (club) => Object.values(club.sessions).sort((a, b) => a.start_time - b.start_time);

/** The demo club's session that everybody but Emil, Dagny and some coaches has answered. */
export const basics = (club) => Object.values(club.sessions).find(({ comment }) => comment === "Basics and forms");

/** A member's id. */
export const idOf = (club, name) => Object.values(club.users).find((user) => user.name === name).user_id;

/** Waits until `check` holds for the public club. */
export async function until(site, check) {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const club = await site.club();
    if (check(club)) return club;
    assert.ok(Date.now() < end, `never came true: ${check}`);
  }
}

/** The requests to the Function URL from now on, as they were sent. */
export function actions(site, page) {
  const sent = [];
  page.on("request", (request) => {
    if (request.method() === "POST" && request.url().startsWith(site.functionUrl)) sent.push(request.postDataJSON());
  });
  return sent;
}

/** The card of a session. */
export const card = (page, session) => page.locator(`#s-${session.session_id}`);

/** Chooses something in a card's menu. */
export async function menu(page, session, name) {
  await card(page, session).getByRole("button", { name: /^(More|Mere):/ }).click();
  await page.getByRole("dialog").getByRole("button", { name, exact: true }).click();
}

/** The names in a card, which stand behind the counts. */
export async function names(page, session) {
  const counts = card(page, session).locator(".counts");
  if ((await counts.getAttribute("aria-expanded")) === "false") await counts.click();
  return (await card(page, session).locator(".who").innerText()).replace(/\s+/g, " ");
}

/** The buttons of somebody in a card. */
export const choices = (page, session, name) => card(page, session).getByRole("group", { name, exact: true });

/** Waits for the heading of a view. */
export const heading = (page, name) => page.getByRole("heading", { name, exact: true, level: 2 }).waitFor();

/** `YYYY-MM-DD HH:MM` as the phones' clocks show it. */
export const localTime = (seconds, timeZone = ZONE) =>
  new Intl.DateTimeFormat("sv-SE", { timeZone, dateStyle: "short", timeStyle: "short" }).format(seconds * 1000);

/** The day of the week as English phones name it. */
export const weekdayOf = ({ start_time }) => new Intl.DateTimeFormat("en-GB", { timeZone: ZONE, weekday: "long" }).format(start_time * 1000);

/** Seconds of what the phones' clocks show as `YYYY-MM-DD HH:MM`, on a day on which they are not changed. */
export function secondsOf(wall, timeZone = ZONE) {
  const wanted = Date.parse(`${wall.replace(" ", "T")}Z`) / 1000;
  const noon = Date.parse(`${wall.slice(0, 10)}T12:00Z`) / 1000;
  return wanted - (Date.parse(`${localTime(noon, timeZone).replace(" ", "T")}Z`) / 1000 - noon);
}

/** A date so many days after another, both as `YYYY-MM-DD`. */
export const later = (date, days) => new Date(Date.parse(date) + days * 86_400_000).toISOString().slice(0, 10);

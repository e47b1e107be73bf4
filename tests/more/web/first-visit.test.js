// How large the page is, and what a first visit costs. The figures are printed and kept in
// target/web/first-visit.json; only the sizes and counts can fail.

import assert from "node:assert/strict";
import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import { PUBLISHED, root, SOURCE, startSite } from "./site.js";

/** Bytes of all files of the published page, with English and Danish; the same gzipped as one stream. */
const SIZE_MAX = 100_000;
const GZIP_MAX = 32_000;
/** Requests of a first visit. */
const REQUESTS_MAX = 14;
/** What the page's origin is asked for in all, by the page and then by its service worker. */
const FILES_MAX = 34;
/** Chromium's own "Slow 4G" (DevTools) and a phone's processor. */
const SLOW_4G = { latency: 562.5, downloadThroughput: (1.6e6 / 8) * 0.9, uploadThroughput: (750e3 / 8) * 0.9 };
const CPU_SLOWDOWN = 4;
const VISITS = 5;

let site;
before(async () => {
  site = await startSite(PUBLISHED);
  await site.reset();
});
after(() => site.stop());

async function files(folder) {
  const names = (await readdir(folder, { recursive: true })).filter((name) => /\.\w+$/.test(name)).sort();
  return Promise.all(names.map(async (name) => [name, await readFile(join(folder, name))]));
}

/** With English and Danish: bytes, and gzipped as one stream. */
async function sizes(folder) {
  const all = (await files(folder)).filter(([name]) => !name.startsWith("lang/") || ["lang/da.json", "lang/en.json"].includes(name));
  const whole = Buffer.concat(all.map(([, content]) => content));
  return { count: all.length, bytes: whole.length, gzipped: gzipSync(whole, { level: 9 }).length };
}

test("the whole page, as it is published, is at most 100 kB, 32 kB gzipped", async (t) => {
  const source = await sizes(SOURCE);
  const { count, bytes, gzipped } = await sizes(PUBLISHED);
  t.diagnostic(`published: ${count} files, ${bytes} bytes, ${gzipped} gzipped as a whole`);
  t.diagnostic(`source: ${source.count} files, ${source.bytes} bytes, ${source.gzipped} gzipped as a whole`);
  assert.equal(count, source.count);
  assert.ok(bytes <= SIZE_MAX, `${bytes} bytes, at most ${SIZE_MAX}`);
  assert.ok(gzipped <= GZIP_MAX, `${gzipped} bytes gzipped, at most ${GZIP_MAX}`);
});

test("the service worker keeps every file of the page", async () => {
  const kept = (await readFile(join(SOURCE, "sw.js"), "utf8")).match(/`([^`]*)`/)[1].split(/\s+/).sort();
  const names = (await files(SOURCE)).map(([name]) => name).filter((name) => name !== "sw.js");
  assert.deepEqual(kept, [...names.map((name) => (name === "index.html" ? "./" : name)), "config.json"].sort());
});

/** What stands before the page in AWS: gzip, as a CDN compresses. It counts what it is asked for. */
async function startCdn() {
  const asked = [];
  const server = createServer(async (request, response) => {
    asked.push(request.url);
    const answer = await fetch(site.url + request.url, { headers: request.headers["if-none-match"] ? { "If-None-Match": request.headers["if-none-match"] } : {} });
    const headers = Object.fromEntries([...answer.headers].filter(([name]) => !["content-length", "date", "connection", "keep-alive", "transfer-encoding"].includes(name)));
    const body = gzipSync(Buffer.from(await answer.arrayBuffer()));
    response.writeHead(answer.status, answer.status === 304 ? headers : { ...headers, "content-encoding": "gzip", "content-length": body.length });
    response.end(answer.status === 304 ? undefined : body);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const stop = () =>
    new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    });
  return { url: `http://127.0.0.1:${server.address().port}`, asked, stop };
}

/** One first visit: requests and transferred bytes of the page, and the ms until its sessions are on screen. */
async function visit(url, isSlow) {
  const context = await site.browser.newContext({ locale: "en-GB", viewport: { width: 390, height: 800 }, isMobile: true, deviceScaleFactor: 3 });
  try {
    const page = await context.newPage();
    const client = await context.newCDPSession(page);
    const requests = [];
    let bytes = 0;
    await client.send("Network.enable");
    client.on("Network.requestWillBeSent", ({ request }) => requests.push(request.url));
    client.on("Network.loadingFinished", ({ encodedDataLength }) => (bytes += encodedDataLength));
    if (isSlow) {
      await client.send("Network.emulateNetworkConditions", { offline: false, ...SLOW_4G });
      await client.send("Emulation.setCPUThrottlingRate", { rate: CPU_SLOWDOWN });
    }
    await page.addInitScript(() => {
      new MutationObserver((_, observer) => {
        if (!document.querySelector("article")) return;
        observer.disconnect();
        // After the frame that shows it.
        requestAnimationFrame(() => setTimeout(() => (window.sessionsAt = performance.now())));
      }).observe(document, { childList: true, subtree: true });
    });
    await page.goto(url, { waitUntil: "commit" });
    const sessionsAt = await page.waitForFunction(() => window.sessionsAt, null, { timeout: 60_000 }).then((handle) => handle.jsonValue());
    await page.waitForLoadState("networkidle");
    await page.evaluate(() => navigator.serviceWorker.ready);
    return { requests: requests.length, bytes, sessionsAt: Math.round(sessionsAt), urls: requests };
  } finally {
    await context.close();
  }
}

test("a first visit: requests, transferred bytes, time to the sessions on a slow phone", async (t) => {
  const cdn = await startCdn();
  const figures = {};
  try {
    for (const [name, url] of [["local command, not compressed", site.url], ["gzipped, as by a CDN", cdn.url]]) {
      for (const isSlow of [false, true]) {
        const visits = [];
        for (let n = 0; n < VISITS; n++) {
          cdn.asked.length = 0;
          visits.push(await visit(url, isSlow));
          // The worker finds what the page has fetched in the browser's cache, and fetches the rest after it.
          if (url === cdn.url) assert.ok(cdn.asked.length <= FILES_MAX, cdn.asked.join("\n"));
        }
        const times = visits.map(({ sessionsAt }) => sessionsAt).sort((a, b) => a - b);
        const { requests, bytes, urls } = visits[0];
        const profile = isSlow ? "slow 4G, CPU 4x slower" : "no throttling";
        if (url === cdn.url) t.diagnostic(`with what the service worker fetches afterwards: ${cdn.asked.length} requests to the CDN`);
        figures[`${name}; ${profile}`] = { requests, bytes, millisecondsToSessions: times };
        t.diagnostic(`${name}; ${profile}: ${requests} requests, ${bytes} bytes, sessions on screen after ${times[VISITS >> 1]} ms (${times[0]} to ${times.at(-1)})`);
        assert.ok(requests <= REQUESTS_MAX, urls.join("\n"));
        assert.ok(urls.every((asked) => asked.startsWith(url) || asked === site.dataUrl), urls.join("\n"));
      }
    }
  } finally {
    await cdn.stop();
  }
  await mkdir(join(root, "target/web"), { recursive: true });
  await writeFile(join(root, "target/web/first-visit.json"), `${JSON.stringify(figures, null, 2)}\n`);
});

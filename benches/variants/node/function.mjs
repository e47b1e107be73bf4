// The function on Node with the AWS SDK v3, bundled by esbuild, on a Runtime API loop of its own: Lambda's
// own (aws-lambda-ric) needs cmake and autotools to install, and its HTTP is the same.

import { createHash } from "node:crypto";
import http from "node:http";

import { GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";

const begun = performance.now();
const s3 = new S3Client({ forcePathStyle: "AWS_ENDPOINT_URL_S3" in process.env });
process.stderr.write(`S3 client ready client_ms=${performance.now() - begun}\n`);

const { PRIVATE_BUCKET_NAME, PUBLIC_BUCKET_NAME, AWS_LAMBDA_RUNTIME_API } = process.env;
const [host, port] = AWS_LAMBDA_RUNTIME_API.split(":");
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

function call(method, path, body) {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { "content-length": Buffer.byteLength(body) };
    const request = http.request({ host, port, agent, method, headers,
      path: `/2018-06-01/runtime/invocation/${path}` }, (answer) => {
      const parts = [];
      answer.on("data", (part) => parts.push(part));
      answer.on("end", () => resolve({ headers: answer.headers, body: Buffer.concat(parts) }));
    });
    request.on("error", reject);
    request.end(body);
  });
}

async function handle(event) {
  const object = await s3.send(new GetObjectCommand({ Bucket: PRIVATE_BUCKET_NAME, Key: "data.json" }));
  const club = JSON.parse(await object.Body.transformToString());
  if (event.action === "any_register_participation") {
    const codes = new Set(event.user_auth_tokens);
    const users = Object.values(club.users);
    const ids = users.filter((user) => codes.has(user.auth_token)).map((user) => user.user_id);
    for (const [session, answer] of Object.entries(event.joining_sessions)) {
      for (const id of ids) club.sessions[session].participation[id] = answer;
    }
    await put(PRIVATE_BUCKET_NAME, club, { IfMatch: object.ETag });
    for (const user of users) {
      user.auth_token = createHash("sha256").update(user.auth_token).digest("hex");
    }
    await put(PUBLIC_BUCKET_NAME, club, {});
  }
  return {
    statusCode: 200,
    headers: {
      "Content-Type": "application/json",
      "Access-Control-Allow-Origin": "*",
      "Access-Control-Allow-Headers": "Content-Type",
      "Access-Control-Allow-Methods": "OPTIONS,POST",
    },
    body: "{}",
  };
}

function put(Bucket, club, condition) {
  return s3.send(new PutObjectCommand({ Bucket, Key: "data.json", Body: JSON.stringify(club),
    ContentType: "application/json", ...condition }));
}

async function main() {
  for (;;) {
    const { headers, body } = await call("GET", "next");
    const answer = await handle(JSON.parse(body));
    await call("POST", `${headers["lambda-runtime-aws-request-id"]}/response`, JSON.stringify(answer));
  }
}

// Lambda's own runtime takes the handler; started as a program, it is its own runtime.
export { handle as handler };
if (require.main === module) main();

// Runs the real program: a fresh `latchkey serve` on a free port with a data folder of its own.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Who a seeded instance belongs to. */
export const OWNER = { email: "ada@example.com", name: "Ada Lovelace", password: "brass teeth on ink paper" };
export const ORGANISATION = "Analytical Engines";

const START_TIMEOUT_MS = 20_000;

export interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

export class Latchkey {
  /** Where it serves, without a slash at the end. */
  url = "";
  /** What `latchkey setup` printed: ids and the master key's secret. Undefined on an instance that is not seeded. */
  setup: Record<string, unknown> | undefined;
  private child: ChildProcess | undefined;
  private printed = "";

  private constructor(
    /** The folder of its database and key file. */
    readonly data: string,
    private readonly settings: Record<string, string>,
  ) {}

  /**
   * Starts an instance on an empty folder; `seeded` makes the first Owner and organisation before that. `postgres` is a
   * server on which it gets a database of its own; without it the database is in the folder.
   */
  static async start(options: {
    seeded: boolean;
    settings?: Record<string, string>;
    postgres?: string | undefined;
  }): Promise<Latchkey> {
    const data = await mkdtemp(join(tmpdir(), "latchkey-e2e-"));
    const database = options.postgres ? { DATABASE_URL: newDatabase(options.postgres) } : {};
    const latchkey = new Latchkey(data, { ...database, ...options.settings });
    if (options.seeded) {
      const args = ["setup", "--email", OWNER.email, "--name", OWNER.name, "--organisation", ORGANISATION];
      const outcome = await latchkey.run([...args, "--password-stdin"], `${OWNER.password}\n`);
      if (outcome.code !== 0) throw new Error(`latchkey setup failed: ${outcome.stderr}`);
      latchkey.setup = JSON.parse(outcome.stdout);
    }
    await latchkey.serve();
    return latchkey;
  }

  /** All that the server has printed since its first start. */
  output(): string {
    return this.printed;
  }

  /** The one-time secret of the first-run page, as the server printed it at its last start. */
  setupSecret(): string {
    const secret = [...this.printed.matchAll(/setup secret:\s+(\S+)/g)].at(-1)?.[1];
    if (!secret) throw new Error(`latchkey serve printed no setup secret:\n${this.printed}`);
    return secret;
  }

  /** Runs another command of the program on the same data, such as `["audit", "verify"]`. */
  run(args: string[], stdin = ""): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      const child = spawn(program(), args, { env: this.environment() });
      const outcome: Outcome = { code: null, stdout: "", stderr: "" };
      child.stdout.on("data", (text) => (outcome.stdout += text));
      child.stderr.on("data", (text) => (outcome.stderr += text));
      child.once("error", reject);
      child.once("close", (code) => resolve({ ...outcome, code }));
      child.stdin.on("error", () => {}); // it may end without reading
      child.stdin.end(stdin);
    });
  }

  /** Serves again on the same data and the same port, after `stop`. */
  async serve(): Promise<void> {
    const port = this.url === "" ? await freePort() : Number(new URL(this.url).port);
    this.url = `http://127.0.0.1:${port}`;
    const child = spawn(program(), ["serve"], { env: this.environment(), stdio: ["ignore", "pipe", "pipe"] });
    this.child = child;
    child.stdout.on("data", (text) => (this.printed += text));
    child.stderr.on("data", (text) => (this.printed += text));
    const deadline = Date.now() + START_TIMEOUT_MS;
    while (!(await this.healthy())) {
      if (child.exitCode !== null) throw new Error(`latchkey serve ended with ${child.exitCode}:\n${this.printed}`);
      if (Date.now() > deadline) throw new Error(`latchkey serve is not healthy:\n${this.printed}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Ends the server, keeping its data: politely, or at once with `SIGKILL`. */
  async stop(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
    const child = this.child;
    this.child = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    const late = setTimeout(() => child.kill("SIGKILL"), 10_000);
    await ended;
    clearTimeout(late);
  }

  /** Ends the server and forgets its data. */
  async discard(): Promise<void> {
    await this.stop("SIGKILL");
    await rm(this.data, { recursive: true, force: true });
  }

  private async healthy(): Promise<boolean> {
    try {
      return (await fetch(`${this.url}/healthz`, { signal: AbortSignal.timeout(1000) })).ok;
    } catch {
      return false;
    }
  }

  /** Nothing of the caller's own settings reaches the program. */
  private environment(): Record<string, string> {
    const { PATH = "", HOME = "" } = process.env;
    return {
      PATH,
      HOME,
      LATCHKEY_DATA: this.data,
      LATCHKEY_LISTEN: this.url.replace("http://", "") || "127.0.0.1:0",
      LATCHKEY_ALLOW_UPSTREAM: "127.0.0.0/8",
      ...this.settings,
    };
  }
}

function program(): string {
  const path = process.env["LATCHKEY_BIN"];
  if (!path) throw new Error("LATCHKEY_BIN names no program: run the tests with ./dev test");
  return path;
}

/** Makes a database on this server and gives its address. It goes with the server, which lives for the tests alone. */
function newDatabase(server: string): string {
  const name = `lk_${randomUUID().replaceAll("-", "")}`;
  execFileSync("createdb", ["--maintenance-db", server, name]);
  const address = new URL(server);
  address.pathname = `/${name}`;
  return address.href;
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      const port = typeof address === "object" && address ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

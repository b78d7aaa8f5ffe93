// Runs a command of this workspace on a machine that may have nothing but some Node + npm.
// usage: node scripts/run.mjs <command> [args]      (plain JS on purpose: must run on old Nodes)
//  1. Node: the current one if it will do, else the npm package that carries the Node binary, in .toolchain/
//  2. pnpm: the one on PATH if it has the pinned version, else `npm exec pnpm@<pin>` (the pin: packageManager)
//  3. node_modules: `pnpm install --frozen-lockfile`, only when the lockfile is another one than last time
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const NODE_PIN = '24.21.0';
/** Past their end of life, and the test runner does not start on them. */
const DEAD_MAJORS = [23, 25];
const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const toolchain = join(root, '.toolchain');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const windows = process.platform === 'win32';
const say = (message) => process.stderr.write(`[setup] ${message}\n`);

/** What runs right now: a signal goes to it, and we leave when it has left. */
let running;
let interruptedBy;

function run(command, args, options) {
  return new Promise((done) => {
    running = spawn(command, args, { cwd: root, shell: windows, ...options });
    running.on('error', (error) => done({ error, code: 127 }));
    running.on('exit', (code, signal) => done({ code: code ?? 128 + (constants.signals[signal] ?? 0) }));
  });
}

/** A step of the set-up: what it prints goes to stderr, so that stdout stays the command's own. */
async function setupStep(command, args, env, failure) {
  const { code, error } = await run(command, args, { env, stdio: ['ignore', 2, 2] });
  if (code === 0) return;
  if (!interruptedBy) say(error ? `${failure} (${error.message})` : failure);
  leave(interruptedBy ? 128 + constants.signals[interruptedBy] : 1);
}

function leave(code) {
  releaseLock();
  process.exit(code);
}

const npm = windows ? 'npm.cmd' : 'npm';
const nodeBinary = windows ? 'node.exe' : 'node';

function nodeWillDo() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  const [wantMajor, wantMinor] = /(\d+)\.(\d+)/.exec(manifest.engines.node).slice(1).map(Number);
  if (DEAD_MAJORS.includes(major)) return false;
  return major > wantMajor || (major === wantMajor && minor >= wantMinor);
}

/** Installed beside and moved into place when complete: an interrupted download is never taken for a Node. */
async function fetchNode(home) {
  const os = windows ? 'win' : process.platform;
  const name = `${os === 'darwin' && process.arch === 'arm64' ? 'node-bin' : 'node'}-${os}-${process.arch}`;
  const half = `${home}.part`;
  say(`Node ${process.versions.node} will not do (wanted ${manifest.engines.node}, no odd release)`);
  say(`fetching ${name}@${NODE_PIN} from the npm registry into .toolchain/ (once)`);
  rmSync(half, { recursive: true, force: true });
  mkdirSync(half, { recursive: true });
  writeFileSync(join(half, 'package.json'), '{"private":true}');
  const quiet = ['--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const args = ['install', '--prefix', half, ...quiet, `${name}@${NODE_PIN}`];
  await setupStep(
    npm,
    args,
    process.env,
    `could not fetch it: install Node ${manifest.engines.node} and run this again`,
  );
  rmSync(home, { recursive: true, force: true });
  renameSync(join(half, 'node_modules', name), home);
  rmSync(half, { recursive: true, force: true });
}

async function ensureNode() {
  if (nodeWillDo()) return dirname(process.execPath);
  const home = join(toolchain, `node-${NODE_PIN}-${process.platform}-${process.arch}`);
  const bin = join(home, 'bin');
  if (existsSync(join(bin, nodeBinary))) return bin;
  await takeLock();
  if (!existsSync(join(bin, nodeBinary))) await fetchNode(home);
  return bin;
}

const stamp = join(root, 'node_modules', '.setup-stamp');

function dependenciesAreCurrent(lockfileHash) {
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === lockfileHash;
}

async function ensureDependencies(env) {
  const lockfile = readFileSync(join(root, 'pnpm-lock.yaml'));
  const hash = createHash('sha256').update(lockfile).update(`${process.platform}${process.arch}`).digest('hex');
  if (dependenciesAreCurrent(hash)) return;
  await takeLock();
  if (dependenciesAreCurrent(hash)) return;
  // The stamp goes first: a half-done install of this lockfile must not pass for a done one of the last.
  rmSync(stamp, { force: true });
  const pin = manifest.packageManager.split('@')[1];
  const found = spawnSync('pnpm', ['--version'], { cwd: root, env, encoding: 'utf8', shell: windows });
  const onPath = found.status === 0 && found.stdout.trim() === pin;
  say(`installing dependencies with pnpm ${pin} (${onPath ? 'from PATH' : 'through npm exec'})`);
  const install = ['install', '--frozen-lockfile', '--config.confirmModulesPurge=false'];
  const [command, args] = onPath
    ? ['pnpm', install]
    : [npm, ['exec', '--yes', '--loglevel=error', '--', `pnpm@${pin}`, ...install]];
  await setupStep(command, args, env, 'pnpm install failed: see its message above');
  writeFileSync(stamp, hash);
}

const lock = join(toolchain, 'setup.lock');
let holdsLock = false;

/** One set-up at a time in a checkout; a lock whose owner is gone is taken over. */
async function takeLock() {
  mkdirSync(toolchain, { recursive: true });
  const mine = `${lock}.${process.pid}`;
  writeFileSync(mine, String(process.pid));
  for (let waited = false; !holdsLock; waited = true) {
    try {
      linkSync(mine, lock); // made with its owner's pid inside, in one step
      holdsLock = true;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
      if (!ownerLives()) rmSync(lock, { force: true });
      else if (!waited) say('another set-up of this checkout is running: waiting for it');
      await new Promise((next) => setTimeout(next, 200));
    }
  }
  rmSync(mine, { force: true });
}

function ownerLives() {
  try {
    process.kill(Number(readFileSync(lock, 'utf8')), 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function releaseLock() {
  if (holdsLock) rmSync(lock, { force: true });
  holdsLock = false;
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    interruptedBy = signal;
    if (running) running.kill(signal);
    else leave(128 + constants.signals[signal]);
  });
}
// npm runs us under a shell that passes no signals on, so the parent is watched too.
const parent = process.ppid;
setInterval(() => {
  if (process.ppid !== parent) running?.kill('SIGTERM');
}, 500).unref();

const [command, ...args] = process.argv.slice(2);
if (!command) {
  say('usage: node scripts/run.mjs <command> [args]');
  process.exit(2);
}
const nodeDirectory = await ensureNode();
const path = [nodeDirectory, join(root, 'node_modules', '.bin'), process.env.PATH].join(delimiter);
const env = {
  ...process.env,
  PATH: path,
  NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE || join(root, '.cache', 'node-compile'),
};
await ensureDependencies(env);
releaseLock();
const { code, error } = await run(command, args, { env, stdio: 'inherit' });
if (error) say(`${command}: ${error.message}`);
process.exit(code);

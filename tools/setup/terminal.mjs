// What set-up says on the terminal: one line per step with a progress bar on a TTY, plain lines elsewhere (every 10 s
// while a step runs, so that a log shows life). Nothing here is installed; it must run on bare Node 20.

const isTty = Boolean(process.stderr.isTTY) && !process.env.CI;
const plainEveryMs = 10_000;
const barWidth = 28;

export const megabytes = (bytes) => `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;

function bar(done, total) {
  const share = Math.max(0, Math.min(1, total > 0 ? done / total : 0));
  const full = Math.round(share * barWidth);
  return `[${'█'.repeat(full)}${'░'.repeat(barWidth - full)}] ${String(Math.round(share * 100)).padStart(3)} %`;
}

/** "3 of 120 files", "800 kB of 3 MB": a unit that both have is said once. */
function ofAll(done, all) {
  const unitOf = (text) => text.replace(/^[\d.,]+/, '');
  return `${unitOf(done) === unitOf(all) ? done.slice(0, done.length - unitOf(done).length) : done} of ${all}`;
}

export function say(line) {
  process.stderr.write(`${line}\n`);
}

/** Starts the line of one step. `total` 0 means unknown: elapsed time is shown instead of a bar. */
export function step(title, { total = 0, unit = megabytes } = {}) {
  const startedMs = Date.now();
  let done = 0;
  let note = '';
  let lastPlainMs = startedMs;
  const seconds = () => `${((Date.now() - startedMs) / 1000).toFixed(0)} s`;
  const text = () => {
    const amount = total > 0 ? `${bar(done, total)}  ${ofAll(unit(Math.min(done, total)), unit(total))}` : note;
    return `${title.padEnd(44)} ${amount}  ${seconds()}`;
  };
  const draw = () => {
    if (isTty) process.stderr.write(`\r\x1b[K  ${text().slice(0, (process.stderr.columns || 120) - 3)}`);
    else if (Date.now() - lastPlainMs >= plainEveryMs) {
      lastPlainMs = Date.now();
      say(`  ${text()}`);
    }
  };
  if (!isTty) say(`  ${title} …`);
  const timer = setInterval(draw, isTty ? 200 : 1000);
  timer.unref();
  const end = (mark, tail) => {
    clearInterval(timer);
    process.stderr.write(`${isTty ? '\r\x1b[K' : ''}${mark} ${title.padEnd(44)} ${tail}  ${seconds()}\n`);
  };
  return {
    update(amount, text) {
      done = amount;
      if (text !== undefined) note = text;
      if (isTty) draw();
    },
    done: (tail = 'done') => end('✓', tail),
    failed: (tail = 'failed') => end('✗', tail),
  };
}

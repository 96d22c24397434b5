/** One line that shows how far a job is: redrawn in a terminal, printed at every tenth elsewhere. */
import type { JobView } from '../../kernel/contract/job.ts'

export interface ProgressBar {
  show(job: JobView): void
  end(): void
}

const cells = 30

/** @param stream - where the line goes; standard error, so that `--json` stays clean */
export function createProgressBar(stream: NodeJS.WriteStream): ProgressBar {
  let lastTenth = -1
  return {
    show(job) {
      const line = lineFrom(job)
      if (stream.isTTY) return void stream.write(`\r${line}\x1b[K`)
      const tenth = Math.floor(job.progress_pct / 10)
      if (tenth === lastTenth) return
      lastTenth = tenth
      stream.write(`${line}\n`)
    },
    end() {
      if (stream.isTTY) stream.write('\n')
    },
  }
}

/** The line for a job, e.g. `[#########---------------------]  31 %  encoding  3/9 tasks  12 s left`. */
export function lineFrom(job: JobView): string {
  const filled = Math.round((job.progress_pct / 100) * cells)
  const bar = '#'.repeat(filled) + '-'.repeat(cells - filled)
  const percent = `${Math.floor(job.progress_pct)}`.padStart(3)
  const eta = job.eta_seconds === null || job.finished_at !== null
    ? ''
    : `  ${job.eta_seconds} s left`
  return `[${bar}] ${percent} %  ${job.phase}  ${job.tasks_completed}/${job.tasks_total} tasks${eta}`
}

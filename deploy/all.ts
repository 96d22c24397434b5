/** The one-box process: `npm start`. */
import { startBox } from './box.ts'
import { kernelGreeting } from './box/greeting.ts'
import { runProcess } from './box/process.ts'

process.exitCode = await runProcess(
  async (config, log) => {
    const box = await startBox(config, log)
    return { greeting: kernelGreeting(box, config), stop: box.stop }
  },
  'Stopping: tasks in hand are given back and go on after the next start.',
)

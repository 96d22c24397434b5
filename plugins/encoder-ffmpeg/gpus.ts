/** Which GPUs this machine has, and which of FFmpeg's hardware encoders each of them runs. Linux only; elsewhere there are none. */
import { access, constants, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** The one named first does the work, where a machine has several. */
const gpuVendors = ['nvidia', 'intel', 'amd'] as const
export type GpuVendor = (typeof gpuVendors)[number]

/** PCI vendor ids, as the kernel shows them. NVIDIA's encoders do not use its render node. */
const vendorOfId: Readonly<Record<string, GpuVendor>> = { '0x8086': 'intel', '0x1002': 'amd' }

/** By the end of the encoder's name. Encoders for single-board computers run on none of these. */
const vendorsOfKind: Readonly<Record<string, readonly GpuVendor[]>> = {
  nvenc: ['nvidia'],
  qsv: ['intel'],
  vaapi: ['intel', 'amd'],
  amf: ['amd'],
  v4l2m2m: [],
  omx: [],
}

/**
 * The vendors whose device nodes are there and may be opened: `/dev/nvidia0`, `/dev/dri/renderD128` …
 * @param root - where `dev` and `sys` are
 */
export async function findGpus(root = '/'): Promise<ReadonlySet<GpuVendor>> {
  const devices = await namesIn(join(root, 'dev'), /^nvidia\d+$/)
  const nodes = await namesIn(join(root, 'dev/dri'), /^renderD\d+$/)
  const found = await Promise.all([
    ...devices.map(async (name) =>
      await mayOpen(join(root, 'dev', name)) ? 'nvidia' as const : undefined
    ),
    ...nodes.map(async (name) =>
      await mayOpen(join(root, 'dev/dri', name)) ? await vendorOf(root, name) : undefined
    ),
  ])
  return new Set(found.filter((vendor) => vendor !== undefined))
}

/** Whether an encoder runs here: software always does, hardware where its device is. */
export function runsOn(encoder: string, gpus: ReadonlySet<GpuVendor>): boolean {
  const vendors = vendorsOfEncoder(encoder)
  return vendors === undefined || vendors.some((vendor) => gpus.has(vendor))
}

/** The GPU that the encoders would use: the first that is there and has one. */
export function gpuFor(
  encoders: readonly string[],
  gpus: ReadonlySet<GpuVendor>,
): GpuVendor | 'none' {
  const isUsed = (vendor: GpuVendor) =>
    gpus.has(vendor) && encoders.some((name) => vendorsOfEncoder(name)?.includes(vendor))
  return gpuVendors.find(isUsed) ?? 'none'
}

/** Undefined for software. */
function vendorsOfEncoder(encoder: string): readonly GpuVendor[] | undefined {
  return vendorsOfKind[encoder.slice(encoder.lastIndexOf('_') + 1)]
}

async function vendorOf(root: string, node: string): Promise<GpuVendor | undefined> {
  const path = join(root, 'sys/class/drm', node, 'device/vendor')
  const id = await readFile(path, 'utf8').catch(() => '')
  return vendorOfId[id.trim()]
}

async function namesIn(directory: string, pattern: RegExp): Promise<string[]> {
  const names = await readdir(directory).catch(() => [])
  return names.filter((name) => pattern.test(name))
}

/** A container may see a device that it may not use. */
async function mayOpen(path: string): Promise<boolean> {
  return await access(path, constants.R_OK | constants.W_OK).then(() => true, () => false)
}

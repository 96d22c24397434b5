/** GPUs by their device nodes, and the encoders that they run. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import { capabilitiesFrom } from './detect.ts'
import { findGpus, type GpuVendor } from './gpus.ts'

const directories: string[] = []
after(() => directories.forEach((directory) => rmSync(directory, { recursive: true })))

/** A machine with these files. */
function machineWith(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), 'gpus-'))
  directories.push(root)
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return root
}

const vendorFile = (node: string) => `sys/class/drm/${node}/device/vendor`

const machines: readonly [name: string, Readonly<Record<string, string>>, readonly GpuVendor[]][] =
  [
    ['a machine without any', {}, []],
    [
      'an NVIDIA card, with the render node of its open driver',
      {
        'dev/nvidia0': '',
        'dev/nvidiactl': '',
        'dev/dri/renderD128': '',
        [vendorFile('renderD128')]: '0x10de\n',
      },
      ['nvidia'],
    ],
    ['the control node of a driver without a card', { 'dev/nvidiactl': '' }, []],
    [
      'Intel graphics',
      { 'dev/dri/card0': '', 'dev/dri/renderD128': '', [vendorFile('renderD128')]: '0x8086\n' },
      ['intel'],
    ],
    [
      'an AMD and an Intel GPU',
      {
        'dev/dri/renderD128': '',
        'dev/dri/renderD129': '',
        [vendorFile('renderD128')]: '0x1002\n',
        [vendorFile('renderD129')]: '0x8086\n',
      },
      ['amd', 'intel'],
    ],
    ['a virtual one', { 'dev/dri/renderD128': '', [vendorFile('renderD128')]: '0x1af4\n' }, []],
    [
      'a card that the container was not given',
      { 'dev/null': '', [vendorFile('renderD128')]: '0x8086\n' },
      [],
    ],
  ]
for (const [name, files, vendors] of machines) {
  test(`findGpus() knows ${name}`, async () => {
    assert.deepEqual([...await findGpus(machineWith(files))], vendors)
  })
}

/** What Debian's FFmpeg 5.1 prints, shortened; the AMF lines are those of a build for AMD. */
const table = `Encoders:
 V..... = Video
 A..... = Audio
 S..... = Subtitle
 .F.... = Frame-level multithreading
 ..S... = Slice-level multithreading
 ...X.. = Codec is experimental
 ....B. = Supports draw_horiz_band
 .....D = Supports direct rendering method 1
 ------
 V..... libsvtav1            SVT-AV1(Scalable Video Technology for AV1) encoder (codec av1)
 V....D libx264              libx264 H.264 / AVC / MPEG-4 AVC / MPEG-4 part 10 (codec h264)
 V....D h264_amf             AMD AMF H.264 Encoder (codec h264)
 V....D h264_nvenc           NVIDIA NVENC H.264 encoder (codec h264)
 V..... h264_qsv             H.264 / AVC / MPEG-4 AVC / MPEG-4 part 10 (Intel Quick Sync Video acceleration) (codec h264)
 V..... h264_v4l2m2m         V4L2 mem2mem H.264 encoder wrapper (codec h264)
 V....D h264_vaapi           H.264/AVC (VAAPI) (codec h264)
 V....D hevc_nvenc           NVIDIA NVENC hevc encoder (codec hevc)
 A..... aac                  AAC (Advanced Audio Coding)
 A....D libopus              libopus Opus (codec opus)
`
const software = ['libsvtav1', 'libx264']

const builds: readonly [readonly GpuVendor[], gpu: string, hardware: readonly string[]][] = [
  [[], 'none', []],
  [['nvidia'], 'nvidia', ['h264_nvenc', 'hevc_nvenc']],
  [['intel'], 'intel', ['h264_qsv', 'h264_vaapi']],
  [['amd'], 'amd', ['h264_amf', 'h264_vaapi']],
  [['intel', 'nvidia'], 'nvidia', ['h264_nvenc', 'h264_qsv', 'h264_vaapi', 'hevc_nvenc']],
]
for (const [vendors, gpu, hardware] of builds) {
  test(`capabilitiesFrom() lists what runs on ${vendors.join(' and ') || 'no GPU'}`, () => {
    const found = capabilitiesFrom('5.1', table, new Set(vendors))
    assert.deepEqual(found.videoCodecs.toSorted(), [...software, ...hardware].toSorted())
    assert.deepEqual(found.audioCodecs, ['aac', 'libopus'])
    assert.deepEqual([found.gpuType, found.gpuAccelerated], [gpu, gpu !== 'none'])
  })
}

test('capabilitiesFrom() names no GPU that its FFmpeg cannot use', () => {
  const plain = table.replaceAll(/^ V.*_(nvenc|qsv|vaapi|amf) .*\n/gm, '')
  assert.equal(capabilitiesFrom('5.1', plain, new Set(['nvidia', 'intel'])).gpuType, 'none')
})

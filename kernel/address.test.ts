import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isInBlock, isPublicAddress, networkOf, parseAddress, parseBlock } from './address.ts'

const bytesOf = (text: string) => {
  const bytes = parseAddress(text)
  assert.ok(bytes, `${text} must parse`)
  return bytes
}

test('parseAddress() reads IPv4, IPv6 and mixed notation', () => {
  assert.deepEqual(bytesOf('192.168.0.1'), [192, 168, 0, 1])
  assert.deepEqual(bytesOf('::1'), [...Array(15).fill(0), 1])
  assert.deepEqual(bytesOf('2001:db8::ff:1').slice(0, 4), [0x20, 0x01, 0x0d, 0xb8])
  assert.deepEqual(bytesOf('::ffff:10.0.0.7').slice(10), [0xff, 0xff, 10, 0, 0, 7])
  assert.equal(bytesOf('1:2:3:4:5:6:7:8').length, 16)
})

test('parseAddress() refuses names, zones and odd notations', () => {
  for (const text of ['localhost', 'fe80::1%eth0', '127.1', '0x7f.0.0.1', '', '1.2.3.4.5']) {
    assert.equal(parseAddress(text), undefined, text)
  }
})

test('parseBlock() refuses what is not a block', () => {
  for (const text of ['10.0.0.0', '10.0.0.0/33', 'nas/8', '::/129', '10.0.0.0/x']) {
    assert.equal(parseBlock(text), undefined, text)
  }
})

test('isInBlock() compares bits, and mapped IPv4 as IPv4', () => {
  const block = parseBlock('172.16.0.0/12')
  assert.ok(block)
  assert.equal(isInBlock(bytesOf('172.31.255.255'), block), true)
  assert.equal(isInBlock(bytesOf('172.32.0.0'), block), false)
  assert.equal(isInBlock(bytesOf('::ffff:172.16.0.1'), block), true)
  assert.equal(isInBlock(bytesOf('fd00::1'), block), false)
})

test('networkOf() takes a network of IPv6 for one, and IPv4 as it is', () => {
  assert.equal(networkOf('10.0.0.7'), '10.0.0.7')
  assert.equal(networkOf('::ffff:10.0.0.7'), '10.0.0.7')
  assert.equal(networkOf('2001:db8:0:1::1'), networkOf('2001:db8:0:1:ffff::2'))
  assert.notEqual(networkOf('2001:db8:0:1::1'), networkOf('2001:db8:0:2::1'))
  for (const text of ['', 'unix:', 'fe80::1%eth0']) assert.equal(networkOf(text), text)
})

test('isPublicAddress() refuses every private, local and tunnelled range', () => {
  const refused = [
    '0.0.0.0',
    '10.1.2.3',
    '100.64.0.1',
    '127.0.0.1',
    '127.255.255.255',
    '169.254.169.254',
    '172.16.0.1',
    '192.0.0.1',
    '192.168.1.1',
    '198.18.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::7f00:1',
    '::ffff:127.0.0.1',
    '::ffff:a00:1',
    'fe80::1',
    'fc00::1',
    'fd12::1',
    'ff02::1',
    '64:ff9b::7f00:1',
    '64:ff9b::10.0.0.1',
    '64:ff9b:1::1',
    '2002:7f00:1::',
    '2001::1',
    '2001:db8::1',
    '3fff::1',
    '100::1',
  ]
  for (const text of refused) assert.equal(isPublicAddress(bytesOf(text)), false, text)
})

test('isPublicAddress() accepts the internet', () => {
  const accepted = [
    '1.1.1.1',
    '172.32.0.1',
    '8.8.8.8',
    '2606:4700::1111',
    '64:ff9b::808:808',
    '::ffff:1.1.1.1',
  ]
  for (const text of accepted) assert.equal(isPublicAddress(bytesOf(text)), true, text)
})

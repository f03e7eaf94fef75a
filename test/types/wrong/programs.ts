/**
 * Programs that must not compile: each line that begins with a mark has an error, the lines marked OK have none.
 * Checked by wrong-programs.test.ts, line by line. One line is one program, so the formatter leaves this file alone.
 */
import { z } from "zod";
import { collection, inc, open, push } from "../../../src/index.ts";
import type { Id } from "../../../src/index.ts";
import { Posts, Users } from "./definitions.ts";
const ok = { email: 'e', name: 'a', address: { city: 'c', zip: 1 } }
export async function run() {
const db = await open('x', { collections: { users: Users, posts: Posts }, relations: { posts: { author: { one: 'users', via: 'authorId' }, editor: { one: 'users', via: 'editorId' } } } })
const id = '' as Id<'users'>; const pid = '' as Id<'posts'>
/*OK 1*/ await db.users.where({ age: { gt: 3 }, OR: [{ role: 'admin' }, { tags: { has: 'x' } }] }).orderBy('age').limit(3).all()
/*OK 2*/ await db.users.index('byCity', 'Oslo').gte(new Date()).all()
/*OK 3*/ await db.users.insert(ok); await db.users.update(id, { logins: inc(), age: 3 }); await db.users.find({ email: 'a' })
/*OK 4*/ await db.transaction(async (tx) => (await tx.users.getOrThrow(id)).address.city)
/*OK 5*/ ;(await db.posts.include('author', (a) => a.select('name')).all())[0]?.author.name
/*OK 6*/ collection('a', z.object({ at: z.date(), o: z.object({ at: z.date().nullish() }) }), { indexes: { i: { on: ['at'], expire: '1.5h', where: { at: { gt: new Date() } } }, j: { on: ['-o.at'], expire: true, unique: true, include: ['at'] }, k: { on: ['at', 'o.at'], unique: true } } })
/*OK 7*/ await db.users.where({ role: 'member' }).update({ age: inc() }); await db.users.where({}).delete()
/*OK 8*/ ;(await db.users.groupBy('role').aggregate({ n: { count: true }, last: { max: 'createdAt' } }))[0]!.last?.getTime()
/*OK 9*/ db.users.live(({ rows }) => void rows[0]?.age).close(); db.users.store().getSnapshot()?.map((row) => row.name)
/*OK 10*/ for await (const change of db.users.changes({ since: '' })) if (change.type !== 'delete') change.after.name
/*OK 11*/ await db.users.import('', { onExisting: 'skip' }); await db.users.load([ok]); db.users.export({ format: 'json' })
/*OK 12*/ collection('a', z.object({ n: z.number() })).evolve(z.object({ m: z.number() }), (o) => ({ m: o.n })).evolve(z.object({ l: z.number() }), ({ m }) => ({ l: m }), { indexes: { i: ['l'] } })
/*P1*/ await db.users.where({ agee: 5 }).all()
/*P2*/ await db.users.where({ age: 'x' }).all()
/*P3*/ await db.users.where({ age: { gt: 'x' } }).all()
/*P4*/ await db.users.where({ address: { cityy: 'Oslo' } }).all()
/*P5*/ await db.users.where({ address: { city: 5 } }).all()
/*P6*/ await db.users.orderBy('agee').all()
/*P7*/ await db.users.index('byCityy', 'Oslo').all()
/*P8*/ await db.users.insert({ name: 'a' })
/*P9*/ await db.users.insert({ ...ok, age: 'x' })
/*P10*/ await db.users.update(id, { agee: 5 })
/*P11*/ await db.users.update(id, { age: 'x' })
/*P12*/ ;(await db.users.select('name').all())[0]!.age
/*P13*/ await db.users.where({ tags: { has: 5 } }).all()
/*X1 wrong id brand*/ await db.users.get(pid)
/*X2 wrong prefix type*/ await db.users.index('byCity', 5).all()
/*X3 too long a prefix*/ await db.users.index('byCity', 'Oslo', new Date(), 1).all()
/*X4 wrong range type: next field is a date*/ await db.users.index('byCity', 'Oslo').gte('x').all()
/*X5 index on a missing path*/ collection('a', z.object({ n: z.number() }), { indexes: { i: ['m'] } })
/*X6 index on an object*/ collection('a', z.object({ o: z.object({ n: z.number() }) }), { indexes: { i: ['o'] } })
/*X7 operator that the type lacks*/ await db.users.where({ age: { startsWith: 'a' } }).all()
/*X8 enum value*/ await db.users.where({ role: 'boss' }).all()
/*X9 inc on a string*/ await db.users.update(id, { name: inc() })
/*X10 find by a non-unique field*/ await db.users.find({ name: 'Ada' })
/*X11 unknown relation*/ await db.posts.include('authors').all()
/*X12 relation through a field of another id*/ await open('x', { collections: { users: Users, posts: Posts }, relations: { posts: { author: { one: 'users', via: 'title' } } } })
/*X13 search on a non-text index*/ db.posts.search('byAuthor', 'x')
/*X14 sum of a string*/ await db.posts.aggregate({ s: { sum: 'title' } })
/*X15 plain string where an id is due*/ await db.posts.insert({ authorId: 'abc', title: '', body: '', state: 'draft' })
/*X16 migration reads a field that the old schema lacks*/ collection('a', z.object({ n: z.number() })).evolve(z.object({ m: z.number() }), (o) => ({ m: o.q }))
/*X17 wrong nested select*/ await db.posts.include('author', (a) => a.select('nope')).all()
/*X18 partial index filter typo*/ collection('a', z.object({ n: z.number() }), { indexes: { i: { on: ['n'], where: { q: 1 } } } })
/*X19 documents that expire by a number*/ collection('a', z.object({ n: z.number(), at: z.date() }), { indexes: { i: { on: ['n'], expire: '1d' } } })
/*X20 a time in weeks*/ collection('a', z.object({ at: z.date() }), { indexes: { i: { on: ['at'], expire: '1w' } } })
/*X21 documents that expire by two dates*/ collection('a', z.object({ at: z.date(), to: z.date() }), { indexes: { i: { on: ['at', 'to'], expire: true } } })
/*X22 documents that expire by each of some dates*/ collection('a', z.object({ at: z.array(z.date()) }), { indexes: { i: { on: ['at[]'], expire: true } } })
/*F1 an update by query with a value of another type*/ await db.users.where({ role: 'member' }).update({ age: 'x' })
/*F2 a delete of everything without saying so*/ await db.users.delete()
/*F3 an update of everything without saying so*/ await db.users.update({ age: 1 })
/*F4 a figure that is none*/ await db.users.aggregate({ n: { median: 'age' } })
/*F5 an average of text*/ await db.users.aggregate({ n: { avg: 'name' } })
/*F6 groups by an unknown field*/ await db.users.groupBy('agee').aggregate({ n: { count: true } })
/*F7 a figure that was not asked for*/ ;(await db.users.groupBy('role').aggregate({ n: { count: true } }))[0]!.m
/*F8 a count index by an unknown field*/ collection('a', z.object({ n: z.number() }), { indexes: { i: { count: true, by: ['m'] } } })
/*F9 a sum index of text*/ collection('a', z.object({ s: z.string() }), { indexes: { i: { sum: 's' } } })
/*F10 a scan of a count index*/ await db.users.index('perRole').all()
/*F11 a required reference cannot be unset*/ await open('x', { collections: { users: Users, posts: Posts }, relations: { posts: { author: { one: 'users', via: 'authorId', onDelete: 'unset' } } } })
/*F12 a relation to a collection that is not there*/ await open('x', { collections: { users: Users, posts: Posts }, relations: { posts: { author: { one: 'people', via: 'authorId' } } } })
/*F13 one document has no order*/ await db.posts.include('author', (a) => a.orderBy('name')).all()
/*F14 an optional reference may be null*/ ;(await db.posts.include('editor').one()).editor.name
/*F15 an unknown field of a live row*/ db.users.live(({ rows }) => rows[0]!.agee)
/*F16 an unknown field of what was removed*/ db.users.live(({ removed }) => removed.map((row) => row.agee))
/*F17 a store may have no rows yet*/ db.users.store().getSnapshot().length
/*F18 a subscriber is a function*/ db.users.store().subscribe('x')
/*F19 a delete leaves no document*/ for await (const change of db.users.changes()) change.after.name
/*F20 a version is text*/ db.users.changes({ since: 5 })
/*F21 import takes text*/ await db.users.import(5)
/*F22 what to do with documents that are there*/ await db.users.import('', { onExisting: 'merge' })
/*F23 a format that there is not*/ db.users.export({ format: 'csv' })
/*F24 load takes what insert takes*/ await db.users.load([{ name: 'a' }])
/*F25 an option of transactions that there is not*/ await db.transaction(async () => 1, { isolation: 'snapshot' })
/*F26 an id of another collection in a filter*/ await db.posts.where({ authorId: pid }).all()
/*F27 a place in a list is no order*/ await db.users.orderBy('tags[]').all()
/*F28 a page is no offset*/ await db.users.page({ size: 5, skip: 10 })
/*F29 a rule that there is not*/ await open('x', { fullScan: 'maybe' })
/*F30 a value for an operator of lists*/ await db.users.where({ tags: { hasAny: 'math' } }).all()
/*F31 a condition on the elements of plain values*/ await db.users.where({ tags: { some: { x: 1 } } }).all()
/*F32 a patch of the id*/ await db.users.update(id, { id })
/*F33 push of another type*/ await db.users.update(id, { tags: push(5) })
/*F34 an upsert by a field that is not unique*/ await db.users.upsert({ name: 'a' }, { create: ok, update: {} })
/*F35 a collection that is called as a member of the database*/ collection('close', z.object({ n: z.number() }))
}

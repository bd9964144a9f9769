"use strict";

const study = JSON.parse(document.getElementById("study").textContent);
const $ = (id) => document.getElementById(id);
const served = location.protocol.startsWith("http");

// What this person has said so far; a page that is opened again goes on from there.
const shelf = `swaptalk-study-${study.study}`;
const drawn = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
let state = { rater: drawn(), place: 0, votes: [] };
try {
  state = JSON.parse(localStorage.getItem(shelf)) || state;
} catch { /* nothing is kept, as in a private window */ }
const keep = () => {
  try { localStorage.setItem(shelf, JSON.stringify(state)); } catch { /* the file at the end has it all */ }
};

// Everybody has an order of their own, and every other person sees all pairs mirrored.
let number = parseInt(state.rater.slice(0, 8), 16);
const mirrored = number % 2 === 1;
const chance = () => { // mulberry32
  number = (number + 0x6d2b79f5) | 0;
  let t = Math.imul(number ^ (number >>> 15), 1 | number);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
};
const order = [...study.items];
for (let last = order.length - 1; last > 0; last--) {
  const other = Math.floor(chance() * (last + 1));
  [order[last], order[other]] = [order[other], order[last]];
}

const left = $("left"), right = $("right");
let since = 0;
const sides = (item) => (mirrored ? [item.right, item.left] : [item.left, item.right]);

const play = async () => {
  for (const video of [left, right]) { video.pause(); video.currentTime = 0; }
  try {
    await Promise.all([left.play(), right.play()]);
  } catch (error) {
    if (error.name === "NotAllowedError") $("trouble").textContent = "Press “Play again” to start the videos.";
  }
};

const show = () => {
  $("intro").hidden = true;
  const done = state.place >= order.length;
  $("trial").hidden = done;
  $("end").hidden = !done;
  $("progress").value = state.place;
  if (done) { left.pause(); right.pause(); finish(); return; }
  $("place").value = `${state.place + 1} of ${order.length}`;
  $("trouble").textContent = "";
  $("back").disabled = state.place === 0;
  const item = order[state.place], [first, second] = sides(item);
  if ($("picture")) $("picture").src = item.picture;
  left.src = study.videos[first];
  right.src = study.videos[second];
  since = performance.now();
  play();
};
for (const video of [left, right]) {
  video.addEventListener("error", () => { $("trouble").textContent = "A video cannot be played. If videos lie beside this page, keep the folder with it."; });
}

// Votes are sent as they come where somebody listens; else the file at the end is all there is.
const send = async (vote) => {
  if (!served) return;
  try {
    const answer = await fetch("votes", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(vote) });
    if (answer.ok) { vote.sent = true; keep(); }
  } catch { /* tried again at the end */ }
};

const vote = (choice) => {
  if ($("trial").hidden) return;
  const item = order[state.place], [first, second] = sides(item);
  const said = {
    study: study.study, rater: state.rater, item: item.id, left: first, right: second, choice,
    seconds: Math.round((performance.now() - since) / 100) / 10, at: new Date().toISOString(),
  };
  state.votes = state.votes.filter((one) => one.item !== item.id).concat(said);
  state.place += 1;
  keep();
  send(said);
  show();
};
const back = () => {
  if (!$("trial").hidden && state.place > 0) { state.place -= 1; keep(); show(); }
};

const finish = async () => {
  if (!served) { $("said").textContent = "That was the last one. Save your answers as a file."; return; }
  for (const one of state.votes.filter((vote) => !vote.sent)) await send(one);
  const missing = state.votes.filter((vote) => !vote.sent).length;
  $("said").textContent = missing ? `${missing} answers could not be sent: save them as a file.` : "That was the last one. Your answers have arrived.";
};
const lines = () => state.votes.map(({ sent, ...vote }) => JSON.stringify(vote)).join("\n") + "\n";
const save = () => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([lines()], { type: "application/x-ndjson" }));
  link.download = `votes_${study.study}_${state.rater.slice(0, 8)}.jsonl`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
};

$("begin").textContent = state.votes.length ? "Go on" : "Begin";
$("begin").addEventListener("click", show);
$("again").addEventListener("click", play);
$("back").addEventListener("click", back);
$("save").addEventListener("click", save);
for (const button of document.querySelectorAll("[data-choice]")) button.addEventListener("click", () => vote(button.dataset.choice));
const keys = { ArrowLeft: "left", ArrowRight: "right", ArrowDown: "same", 1: "left", 2: "right", 0: "same" };
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || $("trial").hidden) return;
  if (keys[event.key]) vote(keys[event.key]);
  else if (event.key === " " && event.target.tagName !== "BUTTON") play();
  else if (event.key === "Backspace") back();
  else return;
  event.preventDefault();
});

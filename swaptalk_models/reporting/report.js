"use strict";

// Sortable tables: a button in each heading; the state is in aria-sort. Rows without a value stay at the end.
for (const table of document.querySelectorAll("table.sortable")) {
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => {
    const button = heading.querySelector("button");
    if (!button) return;
    button.addEventListener("click", () => {
      const first = heading.dataset.first || "ascending";
      const now = heading.getAttribute("aria-sort");
      const next = now === null ? first : now === "ascending" ? "descending" : "ascending";
      headings.forEach((other) => other.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", next);
      const sign = next === "ascending" ? 1 : -1;
      const key = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent.trim();
      const rows = [...table.tBodies[0].rows].sort((a, b) => {
        const left = key(a), right = key(b);
        if (left === "" || right === "") return (left === "") - (right === "");
        const x = Number(left), y = Number(right);
        return sign * (Number.isNaN(x) || Number.isNaN(y) ? left.localeCompare(right) : x - y);
      });
      table.tBodies[0].append(...rows);
    });
  });
}

// One player for all videos of a case: the one that is heard leads, the others follow.
const clock = (s) => `${Math.floor(s / 60)}:${String(Math.floor(s % 60)).padStart(2, "0")}.${Math.floor((s % 1) * 10)}`;
const players = [];
for (const scene of document.querySelectorAll(".case")) {
  const videos = [...scene.querySelectorAll("video")];
  if (!videos.length) continue;
  const play = scene.querySelector(".play"), scrub = scene.querySelector(".scrub");
  const time = scene.querySelector("output"), sound = scene.querySelector("select");
  let leader = videos[Number(sound.value)] || videos[videos.length - 1];
  let playing = false;
  const length = () => Math.max(0, ...videos.map((v) => v.duration || 0));
  const show = () => {
    time.value = `${clock(leader.currentTime)} / ${clock(length())}`;
    if (document.activeElement !== scrub || playing) scrub.value = leader.currentTime;
    scrub.setAttribute("aria-valuetext", time.value);
  };
  const listen = () => {
    const heard = videos[Number(sound.value)];
    if (heard) leader = heard;
    videos.forEach((video) => { video.muted = video !== heard; });
  };
  const align = (tolerance) => {
    for (const video of videos) {
      if (video !== leader && !video.ended && Math.abs(video.currentTime - leader.currentTime) > tolerance) {
        video.currentTime = Math.min(leader.currentTime, video.duration || leader.currentTime);
      }
    }
  };
  const stop = () => {
    playing = false;
    videos.forEach((video) => video.pause());
    align(0.001); // what is paused is one and the same moment
    play.textContent = "▶ Play in step";
  };
  const start = async () => {
    players.forEach((other) => other !== stop && other());
    if (leader.currentTime >= leader.duration - 0.05) videos.forEach((video) => { video.currentTime = 0; });
    playing = true;
    play.textContent = "❚❚ Pause";
    try {
      await Promise.all(videos.map((video) => video.play()));
    } catch (error) {
      if (error.name !== "AbortError") stop();
    }
  };
  const follow = () => {
    if (!playing) return;
    align(0.04); // a frame
    show();
    requestAnimationFrame(follow);
  };
  players.push(stop);
  play.addEventListener("click", () => { if (playing) stop(); else start().then(() => requestAnimationFrame(follow)); });
  scrub.addEventListener("input", () => {
    const now = Number(scrub.value);
    videos.forEach((video) => { video.currentTime = Math.min(now, video.duration || now); });
    time.value = `${clock(now)} / ${clock(length())}`;
  });
  sound.addEventListener("change", listen);
  videos.forEach((video) => {
    const ready = () => { scrub.max = length(); scene.dataset.ready = videos.filter((v) => v.readyState > 0).length; show(); };
    if (video.readyState > 0) ready(); else video.addEventListener("loadedmetadata", ready);
    video.addEventListener("ended", () => { if (video === leader) stop(); });
    video.addEventListener("seeked", show);
  });
  listen();
}

// Light, dark, or as the system has it.
const theme = document.querySelector(".theme");
theme.hidden = false;
theme.addEventListener("click", () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  theme.setAttribute("aria-pressed", String(!dark));
});

// On paper everything is open.
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((part) => { part.open = true; }));

// Sets dark or light before the first paint, so that nothing flashes. Dark unless the person chose light.
document.documentElement.dataset.theme = localStorage.getItem("theme") === "light" ? "light" : "dark";

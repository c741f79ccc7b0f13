//! The words of the stories: persons, things, places.

/// A name and its pronouns: he, him, his.
pub const NAMES: [(&str, [&str; 3]); 24] = [
    ("Pip", HE),
    ("Bruno", HE),
    ("Oskar", HE),
    ("Milo", HE),
    ("Tam", HE),
    ("Rufus", HE),
    ("Jasper", HE),
    ("Otto", HE),
    ("Ned", HE),
    ("Felix", HE),
    ("Barley", HE),
    ("Corin", HE),
    ("Lila", SHE),
    ("Nora", SHE),
    ("Wren", SHE),
    ("Tilda", SHE),
    ("Mabel", SHE),
    ("Ivy", SHE),
    ("Hazel", SHE),
    ("Pearl", SHE),
    ("Dot", SHE),
    ("Sunny", SHE),
    ("Clover", SHE),
    ("Maya", SHE),
];
const HE: [&str; 3] = ["he", "him", "his"];
const SHE: [&str; 3] = ["she", "her", "her"];

pub const KINDS: [&str; 20] = [
    "fox", "rabbit", "bear", "mouse", "owl", "hedgehog", "otter", "badger", "squirrel", "duck", "goat",
    "frog", "mole", "deer", "crow", "cat", "turtle", "beaver", "lamb", "heron",
];

pub const ADJECTIVES: [&str; 28] = [
    "red", "blue", "green", "yellow", "white", "black", "golden", "silver", "old", "new", "tiny", "huge",
    "round", "long", "soft", "shiny", "wooden", "broken", "heavy", "strange", "pretty", "warm", "empty",
    "dusty", "striped", "orange", "purple", "ancient",
];

/// Things that can be carried, lost and found.
pub const THINGS: [&str; 30] = [
    "ball", "kite", "key", "hat", "lantern", "drum", "cup", "bell", "book", "ring", "basket", "spoon", "map",
    "button", "feather", "shell", "coin", "scarf", "whistle", "box", "clock", "ribbon", "stone", "flute",
    "umbrella", "blanket", "mirror", "boat", "shoe", "apron",
];

/// Places, each with its preposition.
pub const PLACES: [&str; 26] = [
    "by the river",
    "in the forest",
    "on the hill",
    "near the mill",
    "under the bridge",
    "in the garden",
    "by the lake",
    "at the market",
    "in the barn",
    "behind the church",
    "on the farm",
    "in the valley",
    "beside the well",
    "near the windmill",
    "at the edge of the wood",
    "in the meadow",
    "by the sea",
    "in the village",
    "in the old tower",
    "under the oak tree",
    "on the beach",
    "in the cave",
    "at the school",
    "in the orchard",
    "by the pond",
    "beside the road",
];

/// Food, singular and plural.
pub const FOODS: [(&str, &str); 16] = [
    ("apple", "apples"),
    ("pear", "pears"),
    ("plum", "plums"),
    ("carrot", "carrots"),
    ("cake", "cakes"),
    ("nut", "nuts"),
    ("berry", "berries"),
    ("bun", "buns"),
    ("cherry", "cherries"),
    ("egg", "eggs"),
    ("cookie", "cookies"),
    ("potato", "potatoes"),
    ("mushroom", "mushrooms"),
    ("peach", "peaches"),
    ("fish", "fish"),
    ("pie", "pies"),
];

pub const DISHES: [&str; 10] =
    ["soup", "bread", "jam", "porridge", "stew", "pancakes", "a pie", "a salad", "tea", "a pudding"];

pub const WEATHER: [&str; 12] = [
    "sunny", "rainy", "cold", "windy", "foggy", "hot", "snowy", "cloudy", "bright", "quiet", "stormy", "warm",
];

pub const TIMES: [&str; 10] = [
    "One morning",
    "One day",
    "One afternoon",
    "One evening",
    "Early one morning",
    "On a market day",
    "Late one evening",
    "In the spring",
    "In the autumn",
    "On the first day of summer",
];

pub const TEMPERS: [&str; 14] = [
    "kind", "shy", "brave", "curious", "lazy", "clever", "proud", "gentle", "noisy", "careful", "greedy",
    "patient", "cheerful", "stubborn",
];

pub const JOYS: [&str; 8] =
    ["happy", "glad", "proud", "cheerful", "delighted", "thankful", "pleased", "full of joy"];

pub const SORROWS: [&str; 8] = ["sad", "worried", "afraid", "tired", "cross", "lonely", "upset", "ashamed"];

pub const GAMES: [&str; 10] =
    ["hide and seek", "tag", "chess", "cards", "marbles", "music", "pirates", "ball", "school", "statues"];

pub const NUMBERS: [&str; 13] = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
];

pub const HELPERS: [&str; 12] = [
    "the baker",
    "the miller",
    "the teacher",
    "the postman",
    "the gardener",
    "the fisherman",
    "the smith",
    "the shepherd",
    "the tailor",
    "the farmer",
    "the carpenter",
    "the doctor",
];

pub const LESSONS: [&str; 12] = [
    "a small friend can be a great help",
    "it is better to share than to hide",
    "a promise must be kept",
    "there is no hurry when the work is good",
    "everybody makes mistakes",
    "it is never too late to say sorry",
    "a kind word costs nothing",
    "two can carry what one cannot",
    "it is wise to listen first",
    "the truth is the shortest way home",
    "practice makes the work easy",
    "a good plan is half the work",
];
